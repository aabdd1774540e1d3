"""A logger that does nothing; the run folder still holds every result."""

from typing import Any

from seqrec.run.info import RunInfo


class NoLogger:
    """A logger that logs nothing."""

    def open(self, run: RunInfo) -> None:
        """Return None: Lightning then keeps no logger."""
        return

    def finish(self, summary: dict[str, Any], tables: dict[str, Any], *, failed: bool) -> None:
        """Do nothing."""

    def hints(self) -> list[str]:
        """Return no hints."""
        return []
