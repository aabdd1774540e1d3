"""The page of an audit: which distances, items, categories and columns matter on the whole test."""

import importlib.util
from pathlib import Path
from typing import Any

from seqrec.comparison.show.report.parts import escape
from seqrec.explain.write import main_metric, rows_of
from seqrec.pages.chart import Chart, Figure, Sheet, Variant, figures_of, layout_of
from seqrec.pages.page import write_page

READ = (
    "Weights count by their absolute value, over the sum of their user's, so all users count "
    "alike. The pale bar is the share of the events: a longer bar beside it says that these events "
    "count more than others."
)


def can_write() -> bool:
    """Return whether the packages that a page needs are installed."""
    return all(importlib.util.find_spec(package) for package in ("plotly", "jinja2"))


def write_overview(file: Path, content: dict[str, Any], *, run: str) -> None:
    """Write the page atomically.

    Args:
        file: the HTML file.
        content: of the audit.
        run: the folder of the run, to be shown.
    """
    head, rows = rows_of(content, intervals=True)
    charts = [
        _shares(content, "by_distance", "By recency", "distance from the end, 1: the latest event"),
        _shares(content, "by_item", "By item", "item"),
        _shares(content, "by_category", "By category", str(content["category"])),
        _columns(content),
    ]
    shown = [chart for chart in charts if chart is not None]
    write_page(
        file,
        __package__,
        title=f"Which events matter on {content['data']}?",
        kind="explanations",
        data={"figures": [figures_of(shown)]},
        content=content,
        shown=shown,
        head=head,
        rows=rows,
        run=run,
    )


def _shares(content: dict[str, Any], key: str, title: str, axis: str) -> Chart | None:
    """Draw the shares of the weight of groups of events, one method at a time."""
    groups, main = content[key], main_metric(content)
    if not groups:
        return None
    names = [escape(str(each["group"])) for each in groups]
    variants = []
    for method, found in content["methods"].items():
        weights = [each["weight"][method] for each in groups]
        layout = layout_of("share", axis)
        layout["yaxis"] |= {"type": "category", "autorange": "reversed"}
        layout["xaxis"]["tickformat"] = ".1~%"
        layout |= {"barmode": "group", "showlegend": True, "height": 160 + 34 * len(names)}
        layout["legend"] = {"orientation": "h", "y": 1.0, "yanchor": "bottom"}
        bars = [
            _bars("of the weight", weights, names, "@series0"),
            _bars("of the events", [each["events"] for each in groups], names, "@line"),
        ]
        rows = [
            [str(each["group"]), f"{each['events']:.1%}", f"{weight:.1%}"]
            for each, weight in zip(groups, weights, strict=True)
        ]
        told = found["metrics"].get(main)
        label = f"{method}: {main} {told['mean']:.2f}" if told else method
        sheet = Sheet([axis, "of the events", "of the weight"], rows)
        variants.append(Variant(label, {"data": bars, "layout": layout}, sheet))
    text = READ if key != "by_item" else f"The items with most weight. {READ}"
    return Chart(key.replace("_", "-"), title, text, variants, choose="Method")


def _bars(name: str, shares: list[float], groups: list[str], colour: str) -> Figure:
    return {
        "type": "bar",
        "orientation": "h",
        "name": name,
        "x": shares,
        "y": groups,
        "marker": {"color": colour},
        "hovertemplate": f"%{{y}}<br>%{{x:.1%}} {name}<extra></extra>",
    }


def _columns(content: dict[str, Any]) -> Chart | None:
    """Draw the shares of the weight of the parts of the events' vectors."""
    by_column = content["by_column"]
    if not by_column:
        return None
    variants = []
    for method, shares in by_column.items():
        layout = layout_of("share of the weight", "")
        layout["yaxis"] |= {"type": "category", "autorange": "reversed"}
        layout["xaxis"]["tickformat"] = ".1~%"
        layout["height"] = 140 + 34 * len(shares)
        names = [escape(name) for name in shares]
        bars = [_bars("of the weight", list(shares.values()), names, "@series0")]
        rows = [[name, f"{share:.1%}"] for name, share in shares.items()]
        sheet = Sheet(["column", "of the weight"], rows)
        variants.append(Variant(method, {"data": bars, "layout": layout}, sheet))
    text = (
        "An event's vector is a sum of its item, the item's features and the event's context. A "
        "bar is the share of the absolute weight that one of these parts has."
    )
    return Chart("by-column", "By column", text, variants, choose="Method")
