"""An exported model in one folder: read, checked, and asked for recommendations, without torch.

Only who opens a bundle waits for what reads its tables: a rollback looks at manifests alone.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seqrec.bundle.bundle import Bundle

__all__ = ["Bundle"]


def __getattr__(name: str) -> Any:
    """Import :class:`Bundle`.

    Raises:
        AttributeError: there is no such name.
    """
    if name == "Bundle":
        from seqrec.bundle.bundle import Bundle

        return Bundle
    raise AttributeError(f"module 'seqrec.bundle' has no attribute {name!r}")
