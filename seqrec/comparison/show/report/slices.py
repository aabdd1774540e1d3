"""Charts of the test metric by kind of event."""

from seqrec.comparison.estimate.rows import Comparison, Estimate
from seqrec.comparison.show.report.parts import (
    SERIES,
    SYMBOLS,
    dots_across,
    escape,
    rows_layout,
    title_of,
)
from seqrec.comparison.show.table import span
from seqrec.pages.chart import Chart, Sheet, Variant

SHOWN = 12  # rows drawn; the table has all
SLICE_TITLES = {
    "target": "cold and warm targets",
    "item": "targets of the long tail and the popular head",
    "history": "short and long histories",
    "user": "light and active users",
    "arrival": "new and known users",
}


def slice_dots(comparison: Comparison, slices: dict[str, tuple[int, list[Estimate]]]) -> Chart:
    """Draw a line for each row, a variant per kind of slice."""
    variants = []
    attributes = {name.partition("=")[0] for name in slices} - SLICE_TITLES.keys()
    for kind, label in (SLICE_TITLES | {n: f"users by {n}" for n in sorted(attributes)}).items():
        parts = {n: found for n, found in slices.items() if n.startswith(f"{kind}=")}
        if len(parts) > 1:
            variants.append(_slices(comparison, label, parts))
    return Chart(
        "slices",
        "By kind of event",
        "Test metric with 95 % intervals. Cold targets and new users have no training event. The "
        "head is the fifth of the items with the most training events, the tail the rest. Short "
        "histories and light users are those up to the median of the test events. The chart shows "
        f"the best {SHOWN} rows, and the {SERIES} user groups with the most events; the table has "
        "all.",
        variants,
        choose="Slice",
    )


def _slices(
    comparison: Comparison, label: str, slices: dict[str, tuple[int, list[Estimate]]]
) -> Variant:
    metric, names = (
        comparison.metrics[0],
        [title_of(row, at) for at, row in enumerate(comparison.rows)],
    )
    data = []
    largest = sorted(slices, key=lambda name: -slices[name][0])[:SERIES]
    drawn_slices = {name: each for name, each in slices.items() if name in largest}
    for at, (name, (events, estimates)) in enumerate(drawn_slices.items()):
        legend = f"{escape(name.partition('=')[2])} ({events:,} events)"
        dots = dots_across(names[:SHOWN], estimates[:SHOWN], f"@series{at}", SYMBOLS[at], legend)
        data.append(dots | {"offsetgroup": str(at), "showlegend": True})
    layout = rows_layout(f"test {metric}", "", min(len(names), SHOWN), step=44)
    layout |= {"showlegend": True, "scattermode": "group", "scattergap": 0.5}
    layout["legend"] = {"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom", "itemclick": False}
    layout["margin"]["t"] = 40
    drawn = [each for _, estimates in drawn_slices.values() for each in estimates[:SHOWN]]
    low, high = min(e.low for e in drawn), max(e.high for e in drawn)
    pad = 0.04 * (high - low or 1)
    layout["xaxis"]["range"] = [low - pad, high + pad]  # else the axis of grouped dots begins at 0
    header = ["row"] + [f"{n.partition('=')[2]} ({e:,} events)" for n, (e, _) in slices.items()]
    rows = [
        [name, *(f"{es[at].mean:.4f} ({span(es[at])})" for _, es in slices.values())]
        for at, name in enumerate(names)
    ]
    return Variant(label, {"data": data, "layout": layout}, Sheet(header, rows))
