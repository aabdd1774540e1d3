"""What generators are worth on a horizon, as tables, a picture and plain values."""

from pathlib import Path
from typing import Any

from seqrec.disk.write import write_file
from seqrec.horizon.measure import Measured, difference
from seqrec.horizon.picture import horizon_picture
from seqrec.terminal.table import Table

METRICS = ("ndcg", "recall", "hit_rate")


def worth_table(found: dict[str, Measured], horizon: int) -> Table:
    """Return a table with a row for each generator; differences are from the first."""
    first = next(iter(found.values()))
    table = Table(f"lists of {horizon} against the next {horizon} events")
    table.add_column("generator")
    for name in (*METRICS, *first.about, "ms a list"):
        table.add_column(name, right=True)
    if len(found) > 1:
        table.add_column("ndcg from the first, 95 %", right=True)
    for name, measured in found.items():
        cells = [f"{measured.mean(metric):.4f}" for metric in METRICS]
        cells += [f"{value:.3f}" for value in measured.about.values()]
        cells += [f"{1000 * measured.seconds / len(measured.item_Rn):.2f}"]
        if len(found) > 1:
            mean, low, high = difference(measured, first, "ndcg")
            cells += ["" if measured is first else f"{mean:+.4f} ({low:+.4f} .. {high:+.4f})"]
        table.add_row(name, *cells)
    return table


def curve_table(found: dict[str, Measured]) -> Table:
    """Return a table of how often a list has the h-th next event, by h."""
    table = Table("share of lists that have the h-th next event")
    table.add_column("h", right=True)
    for name in found:
        table.add_column(name, right=True)
    curves = [measured.hit_H for measured in found.values()]
    for h, shares in enumerate(zip(*curves, strict=True), 1):
        table.add_row(str(h), *(f"{share:.4f}" for share in shares))
    return table


def plain(found: dict[str, Measured], horizon: int) -> dict[str, Any]:
    """Return all numbers as plain values, by generator."""
    return {
        name: {f"{metric}@{horizon}": measured.mean(metric) for metric in METRICS}
        | measured.about
        | {"hit_by_event": measured.hit_H.tolist(), "seconds": measured.seconds}
        for name, measured in found.items()
    }


def write_picture(file: Path, found: dict[str, Measured], title: str) -> None:
    """Write the curves of all generators as a picture."""
    curves = {name: measured.hit_H for name, measured in found.items()}
    write_file(file, horizon_picture(curves, title))
