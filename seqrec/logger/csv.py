"""Logger of curves to a CSV file in the run folder."""

from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import CSVLogger

from seqrec.run.info import RunInfo


class CSV:
    """A logger that writes ``<run>/csv/metrics.csv``."""

    def __init__(self) -> None:
        self.file: Path | None = None

    def open(self, run: RunInfo) -> CSVLogger:
        """Return Lightning's logger."""
        self.file = run.folder / "csv" / "metrics.csv"
        return CSVLogger(run.folder, name="csv", version="")

    def finish(self, summary: dict[str, Any], tables: dict[str, Any], *, failed: bool) -> None:
        """Do nothing: Lightning closes the file."""

    def hints(self) -> list[str]:
        """Return where the curves are."""
        return [f"curves: {self.file}"]
