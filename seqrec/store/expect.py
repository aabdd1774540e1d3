"""Whether what was read of a dataset is what its publisher says there is."""

from collections.abc import Mapping

from seqrec.data.source import Source
from seqrec.errors import ConfigError
from seqrec.raw.say import say

COUNTS = ("users", "items", "interactions")


def published(source: Source) -> dict[str, int]:
    """The published counts of a source; none where a subset or other data was chosen.

    They are the source's ``expect``, by the names of datasets: another size, category or kind of
    event has another name. A source without ``expect`` has none.

    Raises:
        ConfigError: ``data.expect`` isn't numbers of users, items and interactions by name.
    """
    expect = getattr(source, "expect", None) or {}
    for name, counts in expect.items():
        if not isinstance(counts, Mapping) or not set(counts) <= set(COUNTS):
            raise ConfigError(
                f"{name}: {counts}: these are no published counts",
                where="data.expect",
                todo=f"name some of {', '.join(COUNTS)}, or set data.expect=null",
            )
    return dict(expect.get(source.name, {}))


def compare(
    name: str, expected: Mapping[str, int], raw: Mapping[str, int], rejected: Mapping[str, int]
) -> None:
    """Say where the raw data differs from the published counts.

    Args:
        name: of the dataset.
        expected: its published counts, some of users, items and interactions.
        raw: the counts of what was read.
        rejected: malformed rows, by reason; the publisher counts these, too.
    """
    bad = sum(rejected.values())
    found = {**raw, "interactions": raw["interactions"] + bad}
    off = [
        f"{found[what]:,} {what} (published: {count:,})"
        for what, count in expected.items()
        if found[what] != count
    ]
    if off:
        say(
            f"{name} isn't as published: {', '.join(off)}. The download was cut off, or this is "
            "another version or a sample of it; data.expect=null if it is meant to be"
        )
