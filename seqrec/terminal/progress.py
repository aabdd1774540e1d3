"""Progress bars, whose texts are printed exactly as they are."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

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


@contextmanager
def advancing(what: str, total: int, out: Console) -> Iterator[Callable[[int], None]]:
    """Show a bar of the share that is done, on a terminal, and yield what moves it on by so much.

    Args:
        what: what is being done.
        total: all that there is to do.
        out: the console to draw on.
    """
    columns = ("{task.description}", "bar", "elapsed", "remaining")
    hidden = not out.is_terminal
    with progress_bar(*columns, out=out, disable=hidden, transient=True) as progress:
        task = progress.add_task(what, total=total)
        yield lambda done: progress.advance(task, done)
