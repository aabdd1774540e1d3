"""Charts of a page: specifications for plotly.js, and the tables of their numbers.

Colours are names such as ``@series2``: the page puts in those of its theme.
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
    """One of the charts that a select chooses from."""

    label: str
    figure: Figure
    sheet: Sheet | None = None  # None: a table elsewhere on the page has the numbers


@dataclass(frozen=True)
class Chart:
    """What stands under one heading."""

    key: str
    title: str
    text: str  # what is shown, and how to read it
    variants: list[Variant]
    legend: bool = False  # rows can be switched on and off
    choose: str = ""  # what the select is for
    wide: bool = False  # it has many panels: on a small screen it is scrolled, not squeezed


def layout_of(x: str, y: str) -> Figure:
    """A chart with two axes."""
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
    """Return what the page's script draws: figures by chart and variant."""
    return [[variant.figure for variant in chart.variants] for chart in charts]
