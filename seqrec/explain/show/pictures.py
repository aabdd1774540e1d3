"""Pictures of one explanation: weights along the history, attention and gradients as maps."""

from typing import Any

import torch
from torch import Tensor

from seqrec.comparison.show.report.parts import escape, short
from seqrec.explain.why import Why
from seqrec.model import SequenceModel
from seqrec.pages.chart import Chart, Figure, Sheet, Variant, layout_of
from seqrec.question import Question

LATEST = 50  # events of a map
FROM_ZERO = [[0, "@card"], [1, "@series0"]]
AROUND_ZERO = [[0, "@series1"], [0.5, "@card"], [1, "@series0"]]


def pictures(why: Why, question: Question) -> list[Chart]:
    """Return the charts of an answer.

    Args:
        why: the answer.
        question: the question that it answers.
    """
    names = [f"{at}. {title}" for at, title in enumerate(why.events["title"], start=1)]
    charts = [strip(why, names)]
    model = question.model
    if isinstance(model, SequenceModel):
        charts += [attention(question, model, names), gradient(question, names)]
    return charts


def strip(why: Why, names: list[str]) -> Chart:
    """Draw the weights along the history, one method at a time."""
    variants = []
    for method, told in why.methods.items():
        weight = why.events[method].to_list()
        bars: Figure = {
            "type": "bar",
            "x": list(range(1, len(names) + 1)),
            "y": [short(each) for each in weight],
            "customdata": [escape(name) for name in names],
            "marker": {"color": ["@series0" if each >= 0 else "@series1" for each in weight]},
            "hovertemplate": "%{customdata}<br>%{y:.4g}<extra></extra>",
        }
        layout = layout_of("event, the latest on the right", "weight")
        layout["yaxis"]["zeroline"] = True
        rows = [[name, f"{each:.4f}"] for name, each in zip(names, weight, strict=True)]
        figure = {"data": [bars], "layout": layout}
        variants.append(Variant(f"{method}: {told.text}", figure, Sheet(["event", method], rows)))
    return Chart(
        "strip",
        "The history in time",
        "A bar is an event, and its height the weight that the method gives it: up speaks for the "
        "item, down against it. The fidelity of the method stands beside its name.",
        variants,
        choose="Method",
    )


@torch.no_grad()
def attention(question: Question, model: SequenceModel, names: list[str]) -> Chart:
    """Draw what every position of the history attends to, in the head and the encoder."""
    length, history = len(question), model.ask(question.history)
    x_1LD = question.vectors()
    position_L = torch.arange(length)
    states = [state.expand(length, -1, -1) for state in model.states(x_1LD, history)]
    maps = {"head": model.head.weights(*states, position_L)[:, :length]}
    layers = model.encoder.maps(x_1LD, history) if hasattr(model.encoder, "maps") else []
    for at, alpha_1HLL in enumerate(layers, start=1):
        for head, alpha_LL in enumerate(alpha_1HLL[0], start=1):
            maps[f"encoder, layer {at}, head {head}"] = alpha_LL[:length, :length]
    if getattr(model.head, "local", False):  # a map that says nothing comes last
        maps["head"] = maps.pop("head")
    return Chart(
        "attention",
        "Attention",
        "A row is the model after an event, and a cell how much it attends to an earlier one; the "
        f"last row is read out. Only the latest {LATEST} events are shown. Attention says where "
        "the model looks, which needn't be why it scores an item so.",
        [_map(name, alpha_LL, names) for name, alpha_LL in maps.items()],
        choose="Weights of",
        wide=True,
    )


def gradient(question: Question, names: list[str]) -> Chart:
    """Draw the gradient times the input, by event and dimension."""
    x_1LD = question.vectors()
    product_LD = (x_1LD * question.gradients(x_1LD))[0, : len(question)]
    shown, some = product_LD[-LATEST:], names[-LATEST:]
    most = float(shown.abs().max()) or 1.0
    cells = {
        **_heat(shown, [f"{at}" for at in range(1, shown.shape[1] + 1)], some, AROUND_ZERO),
        **{"zmin": -most, "zmax": most},
        "hovertemplate": "%{y}<br>dimension %{x}: %{z:.4g}<extra></extra>",
    }
    sums = product_LD.sum(1).tolist()
    rows = [[name, f"{each:.4f}"] for name, each in zip(names, sums, strict=True)]
    figure = {"data": [cells], "layout": _layout("dimension of the vector", len(some))}
    return Chart(
        "gradient",
        "Gradient times input",
        "How much each number of each event's vector moves the score, to first order. The sums of "
        f"the rows are the weights of input_x_gradient. The latest {LATEST} events are shown.",
        [Variant("gradient", figure, Sheet(["event", "sum"], rows))],
        wide=True,
    )


def _map(name: str, alpha_LL: Tensor, names: list[str]) -> Variant:
    shown, some = alpha_LL[-LATEST:, -LATEST:], names[-LATEST:]
    places = [each.partition(".")[0] for each in some]
    cells = {
        **_heat(shown, places, some, FROM_ZERO),
        "text": [[escape(each) for each in some]] * len(some),
        "hovertemplate": "after %{y}<br>to %{text}: %{z:.4f}<extra></extra>",
    }
    rows = [[each, f"{weight:.4f}"] for each, weight in zip(some, shown[-1].tolist(), strict=True)]
    figure = {"data": [cells], "layout": _layout("attends to event", len(some))}
    return Variant(name, figure, Sheet(["event", "weight in the last row"], rows))


def _heat(cell_LX: Tensor, x: list[str], y: list[str], colours: list[Any]) -> Figure:
    return {
        "type": "heatmap",
        "z": [[short(value) for value in row] for row in cell_LX.tolist()],
        "x": x,
        "y": [escape(name) for name in y],
        "colorscale": colours,
    }


def _layout(x: str, rows: int) -> Figure:
    layout = layout_of(x, "")
    layout["xaxis"] |= {"type": "category", "showgrid": False, "nticks": 20}
    layout["yaxis"] |= {"type": "category", "autorange": "reversed", "showgrid": False}
    layout["height"] = 140 + 20 * max(rows, 4)
    return layout
