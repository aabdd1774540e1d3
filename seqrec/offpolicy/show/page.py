"""A study as one HTML file that opens from disk."""

from pathlib import Path
from typing import Any

from seqrec.offpolicy.show.pictures import pictures
from seqrec.pages.chart import figures_of
from seqrec.pages.page import write_page


def write_study(file: Path, content: dict[str, Any]) -> None:
    """Write the page atomically.

    Args:
        file: the HTML file.
        content: a study as plain values, with ``log``, ``target``, ``lines`` and ``outcomes``.
    """
    charts = pictures(content)
    write_page(
        file,
        __package__,
        title="What would it have earned?",
        kind="off-policy estimate",
        data={"figures": [figures_of(charts)]},
        shown=charts,
        content=content,
        left_out=[
            f"{number:,} {name.replace('_', ' ')}"
            for counts in (content["lines"], content["outcomes"], content["left_out"])
            for name, number in counts.items()
            if number and name != "counted"
        ],
    )
