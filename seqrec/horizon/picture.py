"""A picture (SVG) of how often the 1st, 2nd, ... next event is in the lists of generators."""

from html import escape

import numpy as np

from seqrec.ranking.lists import Floats

WIDTH, HEIGHT = 520, 280  # of the plot
LEFT, TOP, BELOW, RIGHT = 70, 50, 60, 170
COLOURS = ("#0b6bcb", "#c4491d", "#2a8a4a", "#7a3fb0", "#8a6d00", "#555555")
STYLE = "font-family='sans-serif' font-size='12' fill='#222'"
TICKS = 4


def horizon_picture(curves: dict[str, Floats], title: str) -> str:
    """Plot the share of users whose list has their h-th next event, from 0, over h.

    Args:
        curves: ``hit_H`` by generator, of equal length; NaN isn't drawn.
        title: text above the plot.
    """
    last = len(next(iter(curves.values())))
    top = max(1e-9, 1.1 * max(float(np.nanmax(hit_H)) for hit_H in curves.values()))

    def place(h: int, share: float) -> tuple[float, float]:
        return round((h - 0.5) / last * WIDTH, 1), round(HEIGHT * (1 - share / top), 1)

    parts = [f"<path d='M0 0V{HEIGHT}H{WIDTH}' fill='none' stroke='#888'/>"]
    for tick in range(TICKS + 1):
        y, value = place(1, top * tick / TICKS)[1], top * tick / TICKS
        parts.append(f"<text x='-8' y='{y + 4}' text-anchor='end'>{100 * value:.1f} %</text>")
    for h in range(1, last + 1):
        x = place(h, 0)[0]
        parts.append(f"<text x='{x}' y='{HEIGHT + 18}' text-anchor='middle'>{h}</text>")
    for number, (name, hit_H) in enumerate(curves.items()):
        colour = COLOURS[number % len(COLOURS)]
        points = [place(h, float(share)) for h, share in enumerate(hit_H, 1) if share >= 0]
        line = "L".join(f"{x} {y}" for x, y in points)
        parts.append(f"<path d='M{line}' fill='none' stroke='{colour}' stroke-width='2'/>")
        parts += [f"<circle cx='{x}' cy='{y}' r='3' fill='{colour}'/>" for x, y in points]
        y = 14 + 20 * number
        parts.append(f"<rect x='{WIDTH + 16}' y='{y - 9}' width='14' height='4' fill='{colour}'/>")
        parts.append(f"<text x='{WIDTH + 36}' y='{y - 2}'>{escape(name)}</text>")
    axis = f"<text x='{WIDTH / 2}' y='{HEIGHT + 42}' text-anchor='middle'>"
    parts.append(f"{axis}h: the h-th next event of the user</text>")
    width, height = LEFT + WIDTH + RIGHT, TOP + HEIGHT + BELOW
    inner = "\n".join(parts)
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}' {STYLE}>\n"
        f"<rect width='{width}' height='{height}' fill='white'/>\n"
        f"<text x='{LEFT}' y='24' font-size='14' font-weight='bold'>{escape(title)}</text>\n"
        f"<g transform='translate({LEFT} {TOP})'>\n{inner}\n</g>\n</svg>\n"
    )
