"""Compare a dataset with the counts that its publisher states."""

from collections.abc import Mapping

from seqrec.config.schema import Expect
from seqrec.store.store import SequenceStore


def unexpected(store: SequenceStore, expect: Mapping[str, Expect] | None) -> str | None:
    """Describe deviations from published counts; None if there are none, or no such counts.

    Args:
        store: its report has the counts before any step, and the malformed rows, which publishers
            count too.
        expect: published counts by name of the dataset, which names its size, category or kind of
            event.
    """
    counts = (expect or {}).get(store.name)
    if counts is None:
        return None
    found = dict(store.report["steps"][0])
    found["interactions"] += sum(store.report["rejected"].values())
    deviations = [
        f"{found[what]:,} {what} (published: {count:,})"
        for what, count in vars(counts).items()
        if count is not None and found[what] != count
    ]
    if not deviations:
        return None
    return (
        f"{store.name} isn't as published: {', '.join(deviations)}. The download was cut off, or "
        "this is another version or a sample; if that is intended, set expect=null"
    )
