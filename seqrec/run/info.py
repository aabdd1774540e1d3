"""The interface between a run and its logger."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:  # reading a run needs no Lightning
    from pytorch_lightning.loggers import Logger


@dataclass(frozen=True)
class RunInfo:
    """The identity of a run."""

    folder: Path
    name: str  # readable: model, overrides, seed
    group: str  # of runs to compare
    run_id: str  # stays the same when the run is resumed
    config: dict[str, Any] = field(default_factory=dict)


class RunLogger(Protocol):
    """A logger: opens Lightning's for a run, and offers commands to type at the end."""

    def open(self, run: RunInfo) -> "Logger | None": ...
    def finish(self, summary: dict[str, Any], tables: dict[str, Any], *, failed: bool) -> None: ...
    def hints(self) -> list[str]: ...
