"""The picture of a head that decides how far back it looks, and how much that counts."""

import torch

from seqrec.comparison.show.report.parts import escape, short
from seqrec.model import SequenceModel
from seqrec.pages.chart import Chart, Figure, Sheet, Variant, layout_of
from seqrec.question import Question


@torch.no_grad()
def reach(question: Question, model: SequenceModel, names: list[str]) -> list[Chart]:
    """Draw the reach and the gate of every position, if the head has a gate.

    Args:
        question: about the history.
        model: that is asked.
        names: of the events.
    """
    if not hasattr(model.head, "gate"):
        return []
    length, history = len(question), model.ask(question.history)
    position_L = torch.arange(length)
    states = [state.expand(length, -1, -1) for state in model.states(question.vectors(), history)]
    alpha_LL = model.head.weights(*states, position_L)[:, :length].double()
    age_LL = (position_L[:, None] - position_L).clamp(min=0)
    far_L = (alpha_LL * age_LL).sum(1).tolist()
    gate_L = model.head.gate(*states, position_L).tolist()
    return [
        Chart(
            "reach",
            "How far back, and how much",
            "A point is the model after an event. How far back it looks is the mean distance of "
            "the events that it attends to, weighed by its attention; the share says how much of "
            "the summary is attention, and the rest is the current state.",
            [
                _line("how far back", "events back", far_L, names),
                _line("share of attention", "share", gate_L, names),
            ],
            choose="Show",
        )
    ]


def _line(label: str, axis: str, value_L: list[float], names: list[str]) -> Variant:
    points: Figure = {
        "type": "scatter",
        "mode": "lines+markers",
        "x": list(range(1, len(names) + 1)),
        "y": [short(value) for value in value_L],
        "customdata": [escape(name) for name in names],
        "line": {"color": "@series0"},
        "hovertemplate": "after %{customdata}<br>%{y:.3g} " + axis + "<extra></extra>",
    }
    layout = layout_of("event, the latest on the right", axis)
    layout["yaxis"]["rangemode"] = "tozero"
    rows = [[name, f"{value:.4f}"] for name, value in zip(names, value_L, strict=True)]
    return Variant(label, {"data": [points], "layout": layout}, Sheet(["event", axis], rows))
