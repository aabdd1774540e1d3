"""Charts of a page: specifications for plotly.js, and tables of their numbers.

Colours are names such as ``@series2``, which the page replaces by those of its theme.
"""

from dataclasses import dataclass
from typing import Any

Figure = dict[str, Any]


@dataclass(frozen=True)
class Sheet:
    """The numbers of a chart."""

    header: list[str]
    rows: list[list[str]]


@dataclass(frozen=True)
class Variant:
    """One of the charts that a select box offers."""

    label: str
    figure: Figure
    sheet: Sheet | None = None  # None: another table of the page has the numbers


@dataclass(frozen=True)
class Chart:
    """A heading with its text and one or more charts."""

    key: str
    title: str
    text: str  # what the chart shows, and how to read it
    variants: list[Variant]
    legend: bool = False  # rows can be switched on and off
    choose: str = ""  # label of the select box
    wide: bool = False  # it has many panels: on a small screen, scroll instead of shrinking


def layout_of(x: str, y: str) -> Figure:
    """Lay out a chart with two axes."""
    axis = {"automargin": True, "zeroline": False, "gridcolor": "@line", "linecolor": "@line"}
    return {
        "xaxis": axis | {"title": {"text": x, "standoff": 12}},
        "yaxis": axis | {"title": {"text": y, "standoff": 12}},
        "height": 420,
        "margin": {"l": 10, "r": 16, "t": 24, "b": 10},
        "showlegend": False,
        "hovermode": "closest",
    }


def figures_of(charts: list[Chart]) -> list[list[Figure]]:
    """Return the figures for the page's script, by chart and variant."""
    return [[variant.figure for variant in chart.variants] for chart in charts]
