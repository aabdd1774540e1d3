"""Logger of curves for TensorBoard."""

import importlib.util
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import TensorBoardLogger

from seqrec.errors import ConfigError
from seqrec.home import install
from seqrec.run.info import RunInfo


class TensorBoard:
    """A logger that writes ``<run>/tensorboard``.

    Raises:
        ConfigError: the ``tensorboard`` extra isn't installed.
    """

    def __init__(self) -> None:
        if importlib.util.find_spec("tensorboard") is None:
            raise ConfigError(
                "logger=tensorboard needs the package tensorboard, which isn't installed",
                todo=f"{install('tensorboard')}, or use logger=csv",
            )
        self.folder: Path | None = None

    def open(self, run: RunInfo) -> TensorBoardLogger:
        """Return Lightning's logger."""
        self.folder = run.folder / "tensorboard"
        return TensorBoardLogger(
            run.folder, name="tensorboard", version="", default_hp_metric=False
        )

    def finish(self, summary: dict[str, Any], tables: dict[str, Any], *, failed: bool) -> None:
        """Do nothing: Lightning closes the files."""

    def hints(self) -> list[str]:
        """Return the command that shows the curves."""
        return [f"tensorboard --logdir {self.folder}"]
