"""Whether what was read of a dataset is what its publisher says there is."""

from collections.abc import Mapping

from seqrec.config.schema import Expect
from seqrec.store.store import SequenceStore


def unexpected(store: SequenceStore, expect: Mapping[str, Expect] | None) -> str | None:
    """What isn't as published, in words; None: all is, or nothing is known of this dataset.

    Args:
        store: its report has the counts before any step, and the malformed rows, which the
            publisher counts, too.
        expect: published counts by name of the dataset: another size, category or kind of event
            has another name.
    """
    counts = (expect or {}).get(store.name)
    if counts is None:
        return None
    found = dict(store.report["steps"][0])
    found["interactions"] += sum(store.report["rejected"].values())
    off = [
        f"{found[what]:,} {what} (published: {count:,})"
        for what, count in vars(counts).items()
        if count is not None and found[what] != count
    ]
    if not off:
        return None
    return (
        f"{store.name} isn't as published: {', '.join(off)}. The download was cut off, or this is "
        "another version or a sample of it; expect=null if it is meant to be"
    )
