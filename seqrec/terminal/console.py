"""Lines and tables that programs print."""

from collections.abc import Callable, Iterable

from rich.console import Console
from rich.table import Table
from rich.text import Text

from seqrec.machine.process import is_first_process


def console() -> Console:
    """Return the terminal, which is silent except in the first process of a run."""
    out = Console(quiet=not is_first_process(), highlight=False)
    if out.is_jupyter:  # plain lines: in a notebook each print would be a separate display
        return Console(highlight=False, force_jupyter=False, force_terminal=False)
    return out


def print_line(out: Console, label: str, text: str) -> None:
    """Print one line: a label and a text."""
    out.print(Text(f"{label:<9}", style="bold cyan") + Text(text), soft_wrap=True)


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
    table = Table(header_style="dim")
    table.add_column(head)
    shown = [c for c in columns if any(c in values for values in rows.values())]
    for column in shown:
        table.add_column(column, justify="right")
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
        return Text("-", style="dim")
    return Text(f"{value:.4f}", style="bold green" if value == best else "")
