"""Quality against what it costs."""

import numpy as np

from seqrec.comparison.estimate.rows import Comparison, Estimate, Row
from seqrec.comparison.estimate.statistics import pareto_front
from seqrec.comparison.show.report.parts import errors, escape, number, short
from seqrec.comparison.show.table import mean_sd
from seqrec.pages.chart import Chart, Figure, Sheet, Variant, layout_of

COSTS = {  # entries of metrics.json, and what an axis calls them
    "fit_seconds": ("training time", "training time, seconds"),
    "peak_memory_mb": ("peak memory", "peak memory, MiB"),
}


def costs(comparison: Comparison) -> Chart:
    """Points with intervals, and the front that nothing beats."""
    made = [_cost(comparison, key, *names) for key, names in COSTS.items()]
    return Chart(
        "costs",
        "Quality against time and memory",
        "Each point is a row, numbered as in the leaderboard, with its 95 % interval. Numbers and "
        "the line mark the Pareto front: no row is better without costing more. Times compare "
        "only on the same machine.",
        [variant for variant in made if variant],
        choose="Cost",
    )


def _cost(comparison: Comparison, key: str, name: str, axis: str) -> Variant | None:
    metric = comparison.metrics[0]
    found = [(at, row, row.mean_result(key)) for at, row in enumerate(comparison.rows)]
    points = [(at, row, max(cost, 1e-3)) for at, row, cost in found if cost is not None]
    if not points:
        return None
    estimates = [row.estimates[metric] for _, row, _ in points]
    cost = np.array([cost for _, _, cost in points])
    front = pareto_front(cost, np.array([e.mean for e in estimates]))
    on = sorted(np.flatnonzero(front), key=lambda at: cost[at])
    line = {
        "type": "scatter",
        "mode": "lines",
        "x": [short(cost[at]) for at in on],
        "y": [short(estimates[at].mean) for at in on],
        "line": {"shape": "hv", "color": "@series0", "width": 2, "dash": "dot"},
        "hoverinfo": "skip",
    }
    data = [line]
    for wanted, colour, symbol in ((False, "@muted", "circle"), (True, "@series0", "diamond")):
        those = [at for at in range(len(points)) if front[at] == wanted]
        data.append(_dots(those, points, estimates, cost, colour, symbol, numbered=wanted))
    layout = layout_of(axis, f"test {metric}")
    if cost.max() > 3 * cost.min():
        layout["xaxis"] |= {"type": "log", **_log_ticks(cost)}
        layout["xaxis"]["title"]["text"] += " (log scale)"
    table = [
        [str(at + 1), row.name, mean_sd(e), number(cost), "yes" if member else "no"]
        for (at, row, cost), e, member in zip(points, estimates, front, strict=True)
    ]
    sheet = Sheet(["#", "row", f"test {metric}", axis, "Pareto front"], table)
    return Variant(name, {"data": data, "layout": layout}, sheet)


def _dots(
    those: list[int],
    points: list[tuple[int, Row, float]],
    estimates: list[Estimate],
    cost: np.ndarray,
    colour: str,
    symbol: str,
    *,
    numbered: bool,
) -> Figure:
    return {
        "type": "scatter",
        "mode": "markers+text" if numbered else "markers",
        "x": [short(cost[at]) for at in those],
        "y": [short(estimates[at].mean) for at in those],
        "error_y": errors([estimates[at] for at in those], colour),
        "marker": {"size": 12 if numbered else 8, "color": colour, "symbol": symbol},
        "text": [f"#{points[at][0] + 1}" for at in those],
        "textposition": [_beside(cost, at) for at in those],
        "textfont": {"size": 13, "color": "@ink"},
        "customdata": [f"#{points[at][0] + 1} {escape(points[at][1].name)}" for at in those],
        "hovertemplate": "%{customdata}<br>%{y:.4f} at %{x:.3s}<extra></extra>",
        "cliponaxis": False,
    }


def _log_ticks(cost: np.ndarray) -> Figure:
    """Ticks at 1, 2 and 5 of each power of ten; at the powers alone where those are many."""
    first, last = np.floor(np.log10(cost.min())), np.ceil(np.log10(cost.max()))
    steps = (1,) if last - first > 2 else (1, 2, 5)
    ticks = [step * 10.0**power for power in np.arange(first, last + 1) for step in steps]
    return {"tickvals": ticks, "ticktext": [number(tick) for tick in ticks]}


def _beside(cost: np.ndarray, at: int) -> str:
    """Where a number has room: towards the middle of the axis."""
    middle = np.sqrt(cost.min() * cost.max())
    return "top left" if cost[at] > middle else "top right"
