"""Progress bars, whose texts are printed exactly as they are."""

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

COLUMNS: dict[str, type[ProgressColumn]] = {
    "bar": BarColumn,
    "counted": MofNCompleteColumn,
    "size": DownloadColumn,
    "speed": TransferSpeedColumn,
    "elapsed": TimeElapsedColumn,
    "remaining": TimeRemainingColumn,
}


def progress_bar(
    *columns: str, out: Console, disable: bool = False, transient: bool = False
) -> Progress:
    """Return a progress bar.

    Args:
        columns: names of :data:`COLUMNS`; any other is a text, in which ``{task.description}`` and
            the task's other fields are filled in.
        out: the console to draw on.
        disable: draw nothing.
        transient: remove the bar at the end.
    """
    made = [
        COLUMNS[name]() if name in COLUMNS else TextColumn(name, markup=False) for name in columns
    ]
    return Progress(*made, console=out, disable=disable, transient=transient)
