"""Pictures of one explanation: weights along the history, attention and gradients as maps."""

from typing import Any

import torch
from torch import Tensor

from seqrec.comparison.show.report.parts import escape, short
from seqrec.explain.show.reach import reach
from seqrec.explain.why import Why
from seqrec.model import SequenceModel
from seqrec.pages.chart import Chart, Figure, Sheet, Variant, layout_of
from seqrec.question import Question

LATEST = 50  # events of a map
TICKS = 6  # days below the history
FROM_ZERO = [[0, "@card"], [1, "@series0"]]
AROUND_ZERO = [[0, "@series1"], [0.5, "@card"], [1, "@series0"]]


def pictures(why: Why, question: Question) -> list[Chart]:
    """Return the charts of an answer.

    Args:
        why: the answer.
        question: the question that it answers.
    """
    names = [f"{at}. {title}" for at, title in enumerate(why.events["title"], start=1)]
    charts = [strip(why, names), *by_column(why, names)]
    model = question.model
    if isinstance(model, SequenceModel):
        charts += [attention(why, question, model, names), *reach(question, model, names)]
        charts.append(gradient(why, question, names))
    return charts


def strip(why: Why, names: list[str]) -> Chart:
    """Draw the weights along the history, one method at a time."""
    variants, times = [], why.events["time"].to_list() if "time" in why.events.columns else None
    labels = names
    if times is not None:
        labels = [
            f"{name}, {time or 'time unknown'}" for name, time in zip(names, times, strict=True)
        ]
    for method, told in why.methods.items():
        weight = why.events[method].to_list()
        bars: Figure = {
            "type": "bar",
            "x": list(range(1, len(names) + 1)),
            "y": [short(each) for each in weight],
            "customdata": [escape(label) for label in labels],
            "marker": {"color": ["@series0" if each >= 0 else "@series1" for each in weight]},
            "hovertemplate": "%{customdata}<br>%{y:.4g}<extra></extra>",
        }
        layout = _along(times)
        rows = [[label, f"{each:.4f}"] for label, each in zip(labels, weight, strict=True)]
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


def by_column(why: Why, names: list[str]) -> list[Chart]:
    """Draw the weights of the parts of each event's vector, for methods that tell them apart."""
    variants = []
    for method, told in why.methods.items():
        bars: list[Figure] = [
            {
                "type": "bar",
                "name": escape(column),
                "x": list(range(1, len(names) + 1)),
                "y": [short(each) for each in weights],
                "customdata": [escape(name) for name in names],
                "marker": {"color": f"@series{at % 8}"},
                "hovertemplate": f"%{{customdata}}<br>{escape(column)} %{{y:.4g}}<extra></extra>",
            }
            for at, (column, weights) in enumerate(told.columns.items())
        ]
        layout = _along(None) | {"barmode": "relative", "showlegend": True}
        layout["legend"] = {"orientation": "h", "y": 1.12}
        cells = zip(names, *told.columns.values(), strict=True) if bars else []
        rows = [[name, *(f"{each:.4f}" for each in weights)] for name, *weights in cells]
        if bars:
            sheet = Sheet(["event", *told.columns], rows)
            variants.append(
                Variant(f"{method}: {told.text}", {"data": bars, "layout": layout}, sheet)
            )
    if not variants:
        return []
    return [
        Chart(
            "columns",
            "Weights by column",
            "An event's vector is a sum of its item, the item's features and the event's context. "
            "A bar is what one of these parts counts.",
            variants,
            choose="Method",
        )
    ]


@torch.no_grad()
def attention(why: Why, question: Question, model: SequenceModel, names: list[str]) -> Chart:
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
        "the model looks, which needn't be why it scores an item so. The head's weights as an "
        f"explanation: {why.maps['attention']}.",
        [_map(name, alpha_LL, names) for name, alpha_LL in maps.items()],
        choose="Weights of",
        wide=True,
    )


def gradient(why: Why, question: Question, names: list[str]) -> Chart:
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
        f"the rows are the weights of input_x_gradient: {why.maps['input_x_gradient']}. The latest "
        f"{LATEST} events are shown.",
        [Variant("gradient", figure, Sheet(["event", "sum"], rows))],
        wide=True,
    )


def _along(times: list[str | None] | None) -> Figure:
    """Lay out bars along the history, with days below some events if they are known."""
    layout = layout_of("event, the latest on the right", "weight")
    layout["yaxis"]["zeroline"] = True
    if times is not None:
        places = range(0, len(times), max(1, -(-len(times) // TICKS)))
        layout["xaxis"] |= {
            "tickvals": [at + 1 for at in places],
            "ticktext": [f"{at + 1}<br>{(times[at] or '')[:10]}" for at in places],
        }
    return layout


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
