"""The model as one function of arrays, ready to be captured with any batch and length."""

from collections.abc import Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn

from seqrec.contracts import Encoder
from seqrec.errors import ConfigError
from seqrec.facts import EventFacts
from seqrec.model import SequenceModel
from seqrec.shapes import UNKNOWN_TIME, History

B, L = 2, 7  # of the example; sizes of 0 and 1 would be taken for constants


class Graph(nn.Module):
    """Maps ``item_BL, length_B, user_B, asked_B, events`` to ``(query_BD, attention_BL)``.

    Args:
        model: in evaluation mode.
        wanted: event columns, in the order of `events`.
    """

    def __init__(self, model: SequenceModel) -> None:
        super().__init__()
        self.model, self.wanted = model, model.wanted

    def forward(
        self,
        item_BL: Tensor,
        length_B: Tensor,
        user_B: Tensor,
        asked_B: Tensor,
        events: tuple[Tensor, ...],
    ) -> tuple[Tensor, Tensor]:
        """Return queries and attention weights at the last valid positions."""
        event = dict(zip(self.wanted, events, strict=True))
        history = History(item_BL, length_B, user_B, event, asked_B)
        query_BD, alpha_BL = self.model.answer(history)
        return query_BD.float(), alpha_BL.float()

    @property
    def names(self) -> list[str]:
        """Names of the inputs, flattened."""
        return ["item", "length", "user", "asked", *(f"event.{name}" for name in self.wanted)]


class Recurrent(nn.Module):
    """An encoder whose states have the length of its input, as far as the exporter knows.

    While a recurrent layer is captured, its output is taken to be as long as the example, and a
    head that reshapes it keeps that length silently. Picking every position gives it back.
    """

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder, self.causal = encoder, encoder.causal
        self.wanted: tuple[str, ...] = getattr(encoder, "wanted", ())

    def forward(self, x_BLD: Tensor, history: History) -> Tensor:
        """Map ``x_BLD -> h_BLD``."""
        index_L = torch.arange(x_BLD.shape[1], device=x_BLD.device)
        return self.encoder(x_BLD, history).index_select(1, index_L)


def frozen(model: SequenceModel) -> SequenceModel:
    """Return the model as it is captured: with an item table that isn't computed at every call.

    It shares the weights, and answers the same.
    """
    make = getattr(model.embedding, "frozen", None)
    parts = cast(nn.Module, model.encoder).modules()
    recurrent = any(isinstance(part, nn.RNNBase) for part in parts)
    return SequenceModel(
        embedding=make() if make else model.embedding,
        encoder=cast(Encoder, Recurrent(model.encoder)) if recurrent else model.encoder,
        head=model.head,
        scorer=model.scorer,
        context=model.context,
        ask=model.ask,
        mask_D=model.mask_D,
    ).eval()


def exportable(model: Any) -> SequenceModel:
    """Return the model if its scores are products of a query and rows of a table.

    Raises:
        ConfigError: they aren't, or its encoder has no graph of any length.
    """
    if not isinstance(model, SequenceModel):
        raise ConfigError(
            f"{model.title}: its scores aren't products of a query and rows of a table, so it has "
            "no graph and can't be exported",
            where="model",
            todo="export a trained model, such as model=lstm_attn; recommend from the run itself",
        )
    if not getattr(model.scorer, "has_vectors", True):
        raise ConfigError(
            f"scores of {type(model.scorer).__name__} aren't products of vectors: its layers would "
            "run for every item, so it can't be exported",
            where="scorer",
            todo="train with scorer=tied, cosine or mlp",
        )
    if reason := getattr(model.encoder, "no_graph", None):
        raise ConfigError(
            f"{reason}, so its graph would hold for one length only, and can't be exported",
            where=f"encoder={type(model.encoder).__name__}",
            todo="train without it, or recommend from the run itself",
        )
    return model


def example(events: Mapping[str, EventFacts], wanted: tuple[str, ...]) -> tuple[Any, ...]:
    """Return arguments to capture a graph with: two histories, of seven items and of four."""
    item_BL = torch.ones(B, L, dtype=torch.int64)
    item_BL[1, 4:] = 0
    columns = tuple(_column(name, events[name]) for name in wanted)
    length_B = torch.tensor([L, 4])
    return item_BL, length_B, torch.full((B,), -1), torch.full((B,), 10**12), columns


def dynamic(wanted: tuple[str, ...]) -> tuple[Any, ...]:
    """Return which sizes of the example may be any."""
    any_size = torch.export.Dim.DYNAMIC
    row, both = {0: any_size}, {0: any_size, 1: any_size}
    return both, row, row, row, tuple(both for _ in wanted)


def _column(name: str, facts: EventFacts) -> Tensor:
    if name == "timestamp":
        return torch.full((B, L), UNKNOWN_TIME)
    if facts.categories is not None:
        return torch.zeros(B, L, dtype=torch.int64)
    return torch.full((B, L), torch.nan)
