"""An explanation as one HTML file that opens from disk."""

from pathlib import Path
from typing import Any

from seqrec.explain.show.pictures import pictures
from seqrec.explain.why import Why
from seqrec.pages.chart import figures_of
from seqrec.pages.page import write_page
from seqrec.question import Question


def write_why(file: Path, why: Why, question: Question, *, run: str) -> None:
    """Write the page atomically.

    Args:
        file: the HTML file.
        why: the answer.
        question: the question that it answers.
        run: the folder of the run, to be shown.
    """
    charts = pictures(why, question)
    write_page(
        file,
        __package__,
        title=f"Why {why.target.title}?",
        kind="explanation",
        data={"figures": [figures_of(charts)]},
        why=why,
        shown=charts,
        rows=_rows(why),
        run=run,
    )


def _rows(why: Why) -> list[dict[str, Any]]:
    """Return the events, latest first, with each weight as text and as a bar's width in percent."""
    most = {name: max(map(abs, why.events[name].to_list())) or 1.0 for name in why.methods}
    rows = []
    for place, event in enumerate(why.events.iter_rows(named=True), start=1):
        weights = [
            {
                "text": f"{event[name]:.4f}",
                "width": round(100 * abs(event[name]) / most[name], 1),
                "against": event[name] < 0,
            }
            for name in why.methods
        ]
        rows.append(
            {"place": place, "title": event["title"], "time": event.get("time"), "of": weights}
        )
    return rows[::-1]
