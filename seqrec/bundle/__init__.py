"""An exported model in one folder: read, checked, and asked for recommendations, without torch."""

from seqrec.bundle.bundle import Bundle

__all__ = ["Bundle"]
