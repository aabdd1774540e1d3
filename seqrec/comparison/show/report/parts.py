"""Shared parts of the report's charts: dots, intervals, colours and numbers."""

from seqrec.comparison.estimate.rows import Estimate, Row
from seqrec.pages.chart import Figure, layout_of

SERIES = 8  # number of colours; beyond, dashes distinguish lines
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x", "star", "pentagon")


def dots_across(
    names: list[str], estimates: list[Estimate], colour: str, symbol: str, name: str
) -> Figure:
    """Draw dots with horizontal intervals."""
    return {
        "type": "scatter",
        "mode": "markers",
        "orientation": "h",
        "x": [short(e.mean) for e in estimates],
        "y": [escape(name) for name in names],
        "name": name,
        "error_x": errors(estimates, colour),
        "marker": {"size": 10, "color": colour, "symbol": symbol},
        "hovertemplate": "%{y}<br>%{x:.4f}<extra>" + name + "</extra>",
    }


def errors(estimates: list[Estimate], colour: str) -> Figure:
    """Draw bars from a mean to the ends of its interval."""
    return {
        "type": "data",
        "symmetric": False,
        "array": [short(e.high - e.mean) for e in estimates],
        "arrayminus": [short(e.mean - e.low) for e in estimates],
        "color": colour,
        "thickness": 1.5,
        "width": 4,
    }


def rows_layout(x: str, y: str, rows: int, *, step: int = 40) -> Figure:
    """Lay out a chart with a line for each name."""
    layout = layout_of(x, y)
    layout["yaxis"] |= {"type": "category", "range": [rows - 0.5, -0.5]}
    layout["height"] = 110 + step * max(rows, 2)
    return layout


def title_of(row: Row, at: int) -> str:
    """Return the place and name of a row."""
    return f"#{at + 1} {row.name}"


def colour_of(row: int) -> str:
    """Return the colour of a row of the leaderboard."""
    return f"@series{row % SERIES}"


def short(value: float) -> float:
    """Round to five digits, more than a chart can show."""
    return float(f"{value:.5g}")


def number(value: float) -> str:
    """Format a number for people."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def escape(text: str) -> str:
    """Escape a text for plotly, which interprets some HTML."""
    return text.replace("&", "&amp;").replace("<", "&lt;")
