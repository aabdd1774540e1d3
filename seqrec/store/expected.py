"""Whether data is all that was published."""

from seqrec.config.schema import Expect
from seqrec.store.store import SequenceStore


def unexpected(store: SequenceStore, expect: Expect) -> str | None:
    """What of the raw counts isn't as published, in words; None: all that is known is."""
    raw = store.report["steps"][0]
    wrong = [
        f"{raw[what]:,} {what} where {count:,} are published"
        for what, count in vars(expect).items()
        if count is not None and raw[what] != count
    ]
    if not wrong:
        return None
    return (
        f"{', '.join(wrong)}: a part of the data, another version, a cut-off download, or "
        f"malformed rows ({sum(store.report['rejected'].values()):,} dropped)"
    )
