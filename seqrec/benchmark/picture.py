"""A picture (SVG) of the growth of an epoch's time: a panel for each size."""

from collections.abc import Iterator
from html import escape

from seqrec.benchmark.growth import NAMES, exponent

WIDTH, HEIGHT = 300, 200  # of a panel's plot
LEFT, TOP, BELOW, GAP = 60, 60, 50, 70
NARROWEST = 26  # from the axis to the middle of a label
HALO = "stroke='white' stroke-width='3' paint-order='stroke'"
STYLE = "font-family='sans-serif' font-size='12' fill='#222'"


def growth_picture(grown: dict[str, list[dict[str, float]]], title: str) -> str:
    """Plot seconds per epoch over each size, both from 0; dashed: growth in proportion.

    Args:
        grown: result of :func:`seqrec.benchmark.growth.measure_growth`.
        title: title above the panels.
    """
    width = LEFT + len(grown) * (WIDTH + GAP)
    height = TOP + HEIGHT + BELOW
    inner = "\n".join(
        f"<g transform='translate({LEFT + at * (WIDTH + GAP)} {TOP})'>{_panel(axis, points)}</g>"
        for at, (axis, points) in enumerate(grown.items())
    )
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}' {STYLE}>\n"
        f"<rect width='{width}' height='{height}' fill='white'/>\n"
        f"<text x='{LEFT}' y='22' font-size='14' font-weight='bold'>{escape(title)}</text>\n"
        f"{inner}\n</svg>\n"
    )


def _panel(axis: str, points: list[dict[str, float]]) -> str:
    first = points[0]
    slope = first["epoch_s"] / first["at"]
    right = points[-1]["at"]
    top = 1.08 * max(slope * right, *(point["epoch_s"] for point in points))

    def place(x: float, y: float) -> tuple[float, float]:
        return round(x / right * WIDTH, 1), round(HEIGHT - y / top * HEIGHT, 1)

    def marks() -> Iterator[str]:
        name = f"{NAMES[axis]}: time ~ size^{exponent(points):.2f}"
        yield f"<text x='0' y='-12'>{escape(name)}</text>"
        yield f"<path d='M0 0V{HEIGHT}H{WIDTH}' fill='none' stroke='#888'/>"
        (x, y) = place(right, slope * right)
        line = "stroke='#999' stroke-dasharray='5 4'"
        yield f"<path d='M0 {HEIGHT}L{x} {y}' fill='none' {line}/>"
        placed = [place(point["at"], point["epoch_s"]) for point in points]
        path = "L".join(f"{x} {y}" for x, y in placed)
        yield f"<path d='M{path}' fill='none' stroke='#0b6bcb' stroke-width='2'/>"
        for (x, y), point in zip(placed, points, strict=True):
            yield f"<circle cx='{x}' cy='{y}' r='4' fill='#0b6bcb'/>"
            anchor = "end" if point is points[-1] else "middle"
            place_x = max(x, NARROWEST) if anchor == "middle" else x
            value = point["epoch_s"]
            seconds = f"{value:.3g} s" if value < 1000 else f"{value:,.0f} s"
            yield f"<text x='{place_x}' y='{y - 10}' text-anchor='{anchor}' {HALO}>{seconds}</text>"
            size = f"{point['at']:,.0f}"
            yield f"<text x='{x}' y='{HEIGHT + 18}' text-anchor='middle'>{size}</text>"
        middle = HEIGHT / 2
        yield (
            f"<text transform='translate(-14 {middle}) rotate(-90)' text-anchor='middle'>"
            "seconds an epoch</text>"
        )
        yield f"<text x='{WIDTH / 2}' y='{HEIGHT + 38}' text-anchor='middle'>{NAMES[axis]}</text>"

    return "\n".join(marks())
