"""Learning curves: a line for each trained run."""

from typing import Any

import numpy as np

from seqrec.comparison.estimate.rows import Comparison
from seqrec.comparison.read.runs import Run
from seqrec.comparison.show.report.parts import SERIES, SYMBOLS, colour_of, escape, number, short
from seqrec.pages.chart import Chart, Figure, Sheet, Variant, layout_of

DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")


def curves(comparison: Comparison) -> Chart:
    """Draw a line for each trained run."""
    monitors = {str(run.settings.get("evaluation.monitor")) for run in comparison.runs}
    metrics = dict.fromkeys([comparison.metrics[0], *sorted(monitors)])
    quantities = {f"valid/{metric}": f"validation {metric}" for metric in metrics}
    quantities |= {"train/loss": "training loss", "valid/loss": "validation loss"}
    variants = []
    for key, name in quantities.items():
        if any(key in epoch for run in comparison.runs for epoch in run.history):
            for axis in ("epoch", "training time, seconds"):
                variants.append(_curve(comparison, key, name, axis))
    return Chart(
        "curves",
        "Learning curves",
        "Each line is a run, each colour a row of the leaderboard. A dot marks the epoch whose "
        "weights were kept. Losses are comparable only if the loss function is the same.",
        variants,
        legend=True,
        choose="Show",
    )


def _curve(comparison: Comparison, key: str, name: str, axis: str) -> Variant:
    data, rows = [], []
    for at, row in enumerate(comparison.rows):
        for run in row.runs:
            x, y, best = _points(run, key, axis)
            if not x:
                continue
            data.append(_line(at, row.name, x, y, best))
            seed = str(run.settings["seed"])
            rows.append([row.name, seed, number(x[best]), number(y[best]), number(x[-1])])
    layout = layout_of(axis, name)
    header = ["row", "seed", f"{axis} of the kept epoch", f"{name} in it", f"{axis} at the end"]
    sheet = Sheet(header, rows)
    return Variant(f"{name} by {axis.partition(',')[0]}", {"data": data, "layout": layout}, sheet)


def _points(run: Run, key: str, axis: str) -> tuple[list[float], list[float], int]:
    """Return the points of the line, and the index of the kept epoch."""
    seconds = np.cumsum([epoch.get("seconds", 0.0) for epoch in run.history])
    along = [float(epoch["epoch"]) for epoch in run.history] if axis == "epoch" else seconds
    finite = [at for at, epoch in enumerate(run.history) if np.isfinite(epoch.get(key, np.nan))]
    kept = [at for at, row in enumerate(finite) if _is_kept(run, run.history[row])]
    x = [round(float(along[at]), 2) for at in finite]
    y = [short(run.history[at][key]) for at in finite]
    return x, y, (kept or [len(x) - 1])[0]


def _is_kept(run: Run, epoch: dict[str, Any]) -> bool:
    return bool(epoch["epoch"] == run.results.get("best_epoch"))


def _line(row: int, name: str, x: list[float], y: list[float], best: int) -> Figure:
    sizes = [9 if at == best else 0 for at in range(len(x))]
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "x": x,
        "y": y,
        "name": name,
        "meta": {"row": row},
        "line": {"color": colour_of(row), "dash": DASHES[row // SERIES % len(DASHES)], "width": 2},
        "marker": {
            "size": sizes,
            "color": colour_of(row),
            "symbol": SYMBOLS[row % len(SYMBOLS)],
            "line": {"width": 1, "color": "@card"},
        },
        "hovertemplate": "%{y:.4f} at %{x}<extra>" + escape(name) + "</extra>",
    }
