"""What strategies reached, as a table and as a page with its curves."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seqrec.asking.loop import EVERYBODY, Point
from seqrec.pages.chart import Chart, Figure, Sheet, Variant, figures_of, layout_of
from seqrec.pages.page import write_page
from seqrec.terminal.table import Table


@dataclass(frozen=True)
class Cell:
    """Mean and standard deviation of the metric over the seeds."""

    mean: float
    spread: float

    def __str__(self) -> str:
        return f"{self.mean:.4f} ± {self.spread:.4f}"


def cells(points: Sequence[Point]) -> dict[str, dict[float, Cell]]:
    """Return what each strategy reached, by the share of events that it knew."""
    found: dict[str, dict[float, list[float]]] = {}
    for point in points:
        found.setdefault(point.strategy, {}).setdefault(point.share, []).append(point.value)
    return {
        name: {
            share: Cell(float(np.mean(values)), float(np.std(values, ddof=len(values) > 1)))
            for share, values in by_share.items()
        }
        for name, by_share in found.items()
    }


def table_of(points: Sequence[Point], metric: str) -> Table:
    """Return a table of strategies by shares."""
    made, table = cells(points), Table(f"test/{metric} by the share of events that are known")
    shares = sorted({point.share for point in points})
    table.add_column("strategy")
    for share in shares:
        table.add_column(f"{share:.0%}", right=True)
    for name, by_share in made.items():
        table.add_row(name, *(str(by_share.get(share, "")) for share in shares))
    return table


def ahead(points: Sequence[Point], *, share: float) -> list[tuple[str, float, float]]:
    """Return how far each strategy is ahead of random at a share: mean and sd over the seeds."""
    value = {(p.strategy, p.seed): p.value for p in points if p.share == share}
    seeds = sorted({seed for name, seed in value if name == "random"})
    found = []
    for name in dict.fromkeys(name for name, _ in value if name not in ("random", EVERYBODY)):
        gain = [value[name, seed] - value["random", seed] for seed in seeds]
        if gain:
            spread = float(np.std(gain, ddof=len(gain) > 1))
            found.append((name, float(np.mean(gain)), spread))
    return sorted(found, key=lambda each: -each[1])


def write_curves(
    file: Path, points: Sequence[Point], *, metric: str, lead: str, typed: str
) -> None:
    """Write the curves as one HTML file.

    Args:
        file: where to write.
        points: what was reached.
        metric: that is shown.
        lead: the first sentence.
        typed: the command.
    """
    charts = [curves(points, metric)]
    write_page(
        file,
        __package__,
        title="What to ask for next",
        kind="active learning",
        data={"figures": [figures_of(charts)]},
        shown=charts,
        lead=lead,
        typed=typed,
    )


def curves(points: Sequence[Point], metric: str) -> Chart:
    """Draw the metric by the share of events that are known, a line for each strategy."""
    traces: list[Figure] = []
    rows = []
    for at, (name, by_share) in enumerate(cells(points).items()):
        shares = sorted(by_share)
        colour = f"@series{at % 8}"
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": name,
                "x": shares,
                "y": [by_share[share].mean for share in shares],
                "line": {"color": colour},
                "error_y": {
                    "type": "data",
                    "array": [by_share[share].spread for share in shares],
                    "color": colour,
                    "thickness": 1,
                },
                "hovertemplate": f"{name}, %{{x:.0%}}: %{{y:.4f}}<extra></extra>",
            }
        )
        rows += [[name, f"{share:.0%}", str(by_share[share])] for share in shares]
    layout = layout_of("share of each user's training events that is known", f"test/{metric}")
    layout |= {"showlegend": True}
    layout["legend"] = {"orientation": "h", "y": 1.12, "font": {"color": "@ink"}}
    layout["xaxis"]["tickformat"] = ".0%"
    seeds = len({point.seed for point in points})
    return Chart(
        "curves",
        "Strategies",
        f"Means over {seeds} seed{'s' * (seeds > 1)}; a line shows the standard deviation. All "
        "strategies begin with the same events and ask each user for equally many.",
        [
            Variant(
                metric,
                {"data": traces, "layout": layout},
                Sheet(["strategy", "known", metric], rows),
            )
        ],
    )
