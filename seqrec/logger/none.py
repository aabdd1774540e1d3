"""No curves; the run folder still holds every result."""

from typing import Any

from seqrec.run.info import RunInfo


class NoLogger:
    """Log nothing."""

    def open(self, run: RunInfo) -> None:
        """Return None: Lightning then keeps no logger."""
        return

    def finish(self, summary: dict[str, Any], tables: dict[str, Any], *, failed: bool) -> None:
        """Nothing to close."""

    def hints(self) -> list[str]:
        """Nothing to type."""
        return []
