"""Charts of quality against cost."""

import numpy as np

from seqrec.comparison.estimate.rows import Comparison, Estimate, Row
from seqrec.comparison.estimate.statistics import pareto_front
from seqrec.comparison.show.report.parts import errors, escape, number, short
from seqrec.comparison.show.table import mean_sd
from seqrec.pages.chart import Chart, Figure, Sheet, Variant, layout_of

COSTS = {  # entries of metrics.json, with the names of their charts and axes
    "fit_seconds": ("training time", "training time, seconds"),
    "peak_memory_mb": ("peak memory", "peak memory, MiB"),
}


def costs(comparison: Comparison) -> Chart:
    """Draw rows as points with intervals, and the Pareto front."""
    made = [_cost(comparison, key, *names) for key, names in COSTS.items()]
    return Chart(
        "costs",
        "Quality against time and memory",
        "Each point is a row, with its 95 % interval. The numbered points on the line form the "
        "Pareto front: no other row is better at the same cost or less. Numbers are those of the "
        "leaderboard. Times are comparable only if measured on the same machine.",
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
        chosen = [at for at in range(len(points)) if front[at] == wanted]
        data.append(_dots(chosen, points, estimates, cost, colour, symbol, numbered=wanted))
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
    chosen: list[int],
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
        "x": [short(cost[at]) for at in chosen],
        "y": [short(estimates[at].mean) for at in chosen],
        "error_y": errors([estimates[at] for at in chosen], colour),
        "marker": {"size": 12 if numbered else 8, "color": colour, "symbol": symbol},
        "text": [f"#{points[at][0] + 1}" for at in chosen],
        "textposition": [_beside(cost, at) for at in chosen],
        "textfont": {"size": 13, "color": "@ink"},
        "customdata": [f"#{points[at][0] + 1} {escape(points[at][1].name)}" for at in chosen],
        "hovertemplate": "%{customdata}<br>%{y:.4f} at %{x:.3s}<extra></extra>",
        "cliponaxis": False,
    }


def _log_ticks(cost: np.ndarray) -> Figure:
    """Place ticks at 1, 2 and 5 of each power of ten; over a wide range, at the powers alone."""
    first, last = np.floor(np.log10(cost.min())), np.ceil(np.log10(cost.max()))
    steps = (1,) if last - first > 2 else (1, 2, 5)
    ticks = [step * 10.0**power for power in np.arange(first, last + 1) for step in steps]
    return {"tickvals": ticks, "ticktext": [number(tick) for tick in ticks]}


def _beside(cost: np.ndarray, at: int) -> str:
    """Return where a number has room: towards the middle of the axis."""
    middle = np.sqrt(cost.min() * cost.max())
    return "top left" if cost[at] > middle else "top right"
