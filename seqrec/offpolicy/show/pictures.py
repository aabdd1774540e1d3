"""Pictures of a study: estimates with their intervals, days, and bounds of the weights."""

from typing import Any

from seqrec.pages.chart import Chart, Figure, Sheet, Variant, layout_of


def pictures(content: dict[str, Any]) -> list[Chart]:
    """Return the charts of a study as plain values."""
    return [estimates(content), days(content), clips(content)]


def estimates(content: dict[str, Any]) -> Chart:
    """Draw what each estimator says, beside what production earned."""
    rows = content["estimates"]
    shown = [row for row in rows if not row["difference"]]
    changes = [row for row in rows if row["difference"]]
    variants = []
    if shown:
        margin = None if content["production_error"] is None else 1.96 * content["production_error"]
        production = _point("production", content["production"], margin, "@series1")
        variants.append(_intervals("what a slate earns", [production, *map(_row, shown)]))
    if changes:
        variants.append(_intervals("more than production", [*map(_row, changes)], zero=True))
    return Chart(
        "estimates",
        "Estimates",
        "A point is an estimate, and its line the 95 % interval; where the verdict is that nothing "
        "can be said, the point is hollow.",
        variants,
        choose="Scale",
    )


def days(content: dict[str, Any]) -> Chart:
    """Draw what a slate earned and would have earned, by day."""
    there = content["days"]
    name = content["estimates"][0]["estimator"]
    traces = []
    for label, key, colour in (
        ("production", "production", "@series1"),
        (name, "value", "@series0"),
    ):
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": label,
                "x": [day["day"] for day in there],
                "y": [day.get(key) for day in there],
                "line": {"color": colour},
                "error_y": {
                    "type": "data",
                    "array": [day.get("margin") if key == "value" else None for day in there],
                    "color": colour,
                    "thickness": 1,
                },
                "hovertemplate": f"{label}, %{{x}}: %{{y:.4f}}<extra></extra>",
            }
        )
    layout = layout_of("day (UTC)", "a slate") | {"showlegend": True}
    layout["legend"] = {"orientation": "h", "y": 1.12, "font": {"color": "@ink"}}
    layout["xaxis"]["type"] = "category"
    rows = [
        [day["day"], f"{day['slates']:,}", _number(day.get("production")),
         _number(day.get("value")), _number(day.get("margin"))]
        for day in there
    ]  # fmt: skip
    sheet = Sheet(["day", "slates", "production", name, "± 95 %"], rows)
    return Chart(
        "days",
        "By day",
        f"What a slate earned in production, and what one of the target would have by {name}. A "
        "day without slates is a gap.",
        [Variant(name, {"data": traces, "layout": layout}, sheet)],
    )


def clips(content: dict[str, Any]) -> Chart:
    """Draw what the estimate comes to under bounds of its weights."""
    bounds = content["clips"]
    names = ["none" if clip["most"] is None else f"{clip['most']:.0f}" for clip in bounds]
    line: Figure = {
        "type": "scatter",
        "mode": "lines+markers",
        "x": names,
        "y": [clip["value"] for clip in bounds],
        "line": {"color": "@series0"},
        "hovertemplate": "weights up to %{x}: %{y:.4f}<extra></extra>",
    }
    layout = layout_of("largest weight", "a slate")
    layout["xaxis"]["type"] = "category"
    rows = [
        [name, f"{clip['value']:.4f}", f"{clip['clipped']:.2%}"]
        for name, clip in zip(names, bounds, strict=True)
    ]
    return Chart(
        "clips",
        "Bounded weights",
        "What the weighted rewards come to if no weight may be larger. Where the line isn't flat, "
        "few slates carry the estimate.",
        [Variant("bounds", {"data": [line], "layout": layout},
                 Sheet(["largest weight", "value", "weights above it"], rows))],
    )  # fmt: skip


Point = tuple[str, float, float | None, str, bool]


def _row(row: dict[str, Any]) -> Point:
    margin = None if row["low"] is None else (row["high"] - row["low"]) / 2
    hollow = row["doubt"] is not None
    return _point(row["estimator"], row["value"], margin, "@series0", hollow=hollow)


def _point(
    name: str, value: float, margin: float | None, colour: str, *, hollow: bool = False
) -> Point:
    return name, value, margin, colour, hollow


def _intervals(label: str, points: list[Point], *, zero: bool = False) -> Variant:
    names = [name for name, *_ in points]
    trace: Figure = {
        "type": "scatter",
        "mode": "markers",
        "x": [value for _, value, *_ in points],
        "y": names,
        "error_x": {"type": "data", "array": [margin for _, _, margin, *_ in points],
                    "color": "@series0", "thickness": 1.5},
        "marker": {
            "size": 11,
            "color": [colour for *_, colour, _ in points],
            "symbol": ["circle-open" if hollow else "circle" for *_, hollow in points],
            "line": {"width": 2},
        },
        "hovertemplate": "%{y}: %{x:.4f}<extra></extra>",
    }  # fmt: skip
    layout = layout_of(label, "")
    layout["yaxis"]["autorange"] = "reversed"
    layout["xaxis"]["zeroline"] = zero
    layout["height"] = 120 + 50 * len(points)
    rows = [[name, _number(value), _number(margin)] for name, value, margin, *_ in points]
    figure = {"data": [trace], "layout": layout}
    return Variant(label, figure, Sheet(["estimator", "value", "± 95 %"], rows))


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
