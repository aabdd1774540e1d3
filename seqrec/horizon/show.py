"""What generators are worth on a horizon, as tables, a picture and plain values."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqrec.disk.write import write_file
from seqrec.horizon.measure import Measured, difference
from seqrec.horizon.picture import horizon_picture
from seqrec.terminal.table import Table

METRICS = ("ndcg", "recall", "hit_rate")


def worth_table(found: dict[str, Measured], horizon: int) -> Table:
    """Return a table with a row for each generator."""
    first = next(iter(found.values()))
    table = Table(f"lists of {horizon} against the next {horizon} events")
    table.add_column("generator")
    for name in (*METRICS, *first.about, "ms"):
        table.add_column(name, right=True)
    for name, measured in found.items():
        cells = [f"{measured.mean(metric):.4f}" for metric in METRICS]
        cells += [f"{value:.3f}" for value in measured.about.values()]
        cells += [f"{1000 * measured.seconds / len(measured.item_Rn):.2f}"]
        table.add_row(name, *cells)
    return table


def differences(found: dict[str, Measured]) -> list[str]:
    """Return how much NDCG each generator has more than the first, with a 95 % interval."""
    name, first = next(iter(found.items()))
    told = []
    for other, measured in list(found.items())[1:]:
        mean, low, high = difference(measured, first, "ndcg")
        told.append(f"{other} from {name}: {mean:+.4f} ({low:+.4f} to {high:+.4f})")
    return told


def curve_table(found: dict[str, Measured], users_H: NDArray[np.int64]) -> Table:
    """Return a table of how often a list has the h-th next event, by h; as far as users have one.

    Args:
        found: what was measured, by generator.
        users_H: users who have an h-th event.
    """
    table = Table("share of the lists with the h-th next event")
    table.add_column("h", right=True)
    table.add_column("users", right=True)
    for name in found:
        table.add_column(name, right=True)
    curves = [measured.hit_H for measured in found.values()]
    for h, (users, *shares) in enumerate(zip(users_H, *curves, strict=True), 1):
        if users:
            table.add_row(str(h), f"{users:,}", *(f"{share:.4f}" for share in shares))
    return table


def plain(found: dict[str, Measured], horizon: int) -> dict[str, Any]:
    """Return all numbers as plain values, by generator."""
    return {
        name: {f"{metric}@{horizon}": measured.mean(metric) for metric in METRICS}
        | measured.about
        | {"hit_by_event": [None if np.isnan(hit) else float(hit) for hit in measured.hit_H]}
        | {"seconds": measured.seconds}
        for name, measured in found.items()
    }


def write_picture(file: Path, found: dict[str, Measured], title: str) -> None:
    """Write the curves of all generators as a picture."""
    curves = {name: measured.hit_H for name, measured in found.items()}
    write_file(file, horizon_picture(curves, title))
