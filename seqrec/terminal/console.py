"""Lines and tables that programs print.

This room alone uses rich, and prints every text exactly as it is: nothing that data, a path or a
setting says is read as markup (``[red]``), as an emoji (``:smile:``) or as something to highlight.
"""

import io
from collections.abc import Callable, Iterable
from typing import Any

from rich.console import Console
from rich.measure import Measurement
from rich.text import Text

from seqrec.machine.process import is_first_process
from seqrec.terminal.table import Table, styled

__all__ = ["Console", "console", "plain", "print_line", "print_whole", "result_table", "silent"]
AS_IT_IS: dict[str, Any] = {"markup": False, "emoji": False, "highlight": False}


def console() -> Console:
    """Return the terminal, which is silent except in the first process of a run."""
    out = Console(quiet=not is_first_process(), **AS_IT_IS)
    if out.is_jupyter:  # plain lines: in a notebook each print would be a separate display
        return Console(force_jupyter=False, force_terminal=False, **AS_IT_IS)
    return out


def silent() -> Console:
    """Return a terminal that prints nothing."""
    return Console(quiet=True, **AS_IT_IS)


def plain(shown: Any, *, width: int = 400) -> str:
    """Return what a terminal of `width` columns would show, without styles."""
    out = Console(file=io.StringIO(), width=width, force_jupyter=False, **AS_IT_IS)
    out.print(shown)
    return out.file.getvalue()  # type: ignore[attr-defined]


def print_line(out: Console, label: str, text: str) -> None:
    """Print one line: a label and a text."""
    out.print(Text(f"{label:<9}", style="bold cyan") + Text(text), soft_wrap=True)


def print_whole(out: Console, table: Table) -> None:
    """Print a table as wide as it is: a cut number is worse than a broken line."""
    wanted = Measurement.get(out, out.options.update(width=400), table).maximum
    out.width = max(out.width, wanted)
    out.print(table)


def result_table(
    rows: dict[str, dict[str, float]],
    columns: Iterable[str],
    *,
    head: str = "model",
    higher_is_better: Callable[[str], bool] | None = None,
) -> Table:
    """Return a table of models by metrics.

    Args:
        rows: metrics by name of the model.
        columns: metrics to show.
        head: heading of the column of names.
        higher_is_better: whether higher values of a metric are better; the best is printed in bold.
            None: no value is in bold.
    """
    table = Table()
    table.add_column(head)
    shown = [c for c in columns if any(c in values for values in rows.values())]
    for column in shown:
        table.add_column(column, right=True)
    winning: dict[str, float] = {}
    if higher_is_better is not None:
        for column in shown:
            reached = [values[column] for values in rows.values() if column in values]
            winning[column] = max(reached) if higher_is_better(column) else min(reached)
    for name, values in rows.items():
        cells = [_cell(values.get(column), winning.get(column)) for column in shown]
        table.add_row(name, *cells)
    return table


def _cell(value: float | None, best: float | None) -> Text:
    if value is None:
        return styled("-", "dim")
    return styled(f"{value:.4f}", "bold green" if value == best else "")
