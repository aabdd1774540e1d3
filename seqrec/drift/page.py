"""What was found in a log, as one HTML file that opens from disk."""

from pathlib import Path

from seqrec.drift.show import time_of
from seqrec.drift.study import Study
from seqrec.pages.chart import Chart, Figure, Sheet, Variant, figures_of, layout_of
from seqrec.pages.page import write_page

TEXTS = {
    "items": "How far the items that sessions had or took are from those of the reference (PSI).",
    "categories": "The same for the items' categories.",
    "unknown ids": "The share of ids that the catalogue lacks.",
    "session length": "Events in a session's history (PSI).",
    "gaps": "Time from one list of a session to its next (PSI).",
    "scores": "The best score of each list (PSI between the reference's tenths).",
    "entropy": "How even the scores of each list are (PSI between the reference's tenths).",
    "propensities": "The mean of 1 / (propensity x free candidates), which has to be 1.",
    "hit rate": "The share of lists with a hit.",
}


def write_drift(file: Path, found: Study) -> None:
    """Write the page atomically.

    Args:
        file: the HTML file.
        found: what was found.
    """
    charts = [_chart(found, name) for name in _names(found)]
    write_page(
        file,
        __package__,
        title="Drift" if found.drifts else "No drift",
        kind="drift",
        data={"figures": [figures_of(charts)]},
        lead=_lead(found),
        shown=charts,
        table=_table(found),
    )


def _lead(found: Study) -> str:
    judged = [window for window in found.windows if window.value]
    alarmed = [window for window in judged if window.alarms]
    few = len(found.windows) - len(judged)
    left_out = "".join(f" Left out: {name}, {why}." for name, why in found.left_out.items())
    return (
        f"{len(alarmed)} of {len(judged)} windows drift, and {few} have too few sessions. The "
        f"reference is {time_of(found.begun)} to {time_of(found.until)} ({found.sessions:,} "
        f"sessions) of {found.log}; known items are those of {found.known}. Without drift, one "
        f"window in {1 / found.alpha:.0f} is alarmed by chance.{left_out}"
    )


def _names(found: Study) -> list[str]:
    judged = [window for window in found.windows if window.value]
    return list(judged[0].value) if judged else []


def _chart(found: Study, name: str) -> Chart:
    """Draw a statistic by window, under its bar; windows beyond it have another colour."""
    judged = [window for window in found.windows if window.value]
    times = [time_of(window.begun) for window in judged]
    alarmed = [name in window.alarms for window in judged]
    line: Figure = {
        "type": "scatter",
        "mode": "lines+markers",
        "name": name,
        "x": times,
        "y": [window.value[name] for window in judged],
        "line": {"color": "@series0"},
        "marker": {"size": 8, "color": ["@series1" if each else "@series0" for each in alarmed]},
        "hovertemplate": "%{x}<br>%{y:.4g}<extra></extra>",
    }
    bar: Figure = {
        "type": "scatter",
        "mode": "lines",
        "name": "bar",
        "x": times,
        "y": [window.bar[name] for window in judged],
        "line": {"color": "@muted", "dash": "dash"},
        "hovertemplate": "bar %{y:.4g}<extra></extra>",
    }
    layout = layout_of("begin of the window (UTC)", "distance from the reference")
    layout["yaxis"]["rangemode"] = "tozero"
    header = ["window", "sessions", "value", "bar", "rate"]
    rows = [
        [
            time_of(window.begun),
            f"{window.sessions:,}",
            f"{window.value[name]:.4f}",
            f"{window.bar[name]:.4f}",
            f"{window.rate[name]:.4f}" if name in window.rate else "",
        ]
        for window in judged
    ]
    text = f"{TEXTS[name]} The dashed line is the bar; a point above it is drift."
    figure = {"data": [line, bar], "layout": layout}
    key = name.replace(" ", "-")
    return Chart(key, name.capitalize(), text, [Variant(name, figure, Sheet(header, rows))])


def _table(found: Study) -> Sheet:
    rows = [
        [time_of(w.begun), f"{w.sessions:,}", w.state, ", ".join(w.alarms)] for w in found.windows
    ]
    return Sheet(["window", "sessions", "state", "beyond the bar"], rows)
