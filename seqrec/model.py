"""A model, trained or counted, as one module: histories in, queries out."""

from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from seqrec.catalogue import Catalogue
from seqrec.contracts import Encoder, EventContext, Head, ItemEmbedding, Ranked, Scorer
from seqrec.counts.baseline import Baseline
from seqrec.counts.table import Rows, Table
from seqrec.layers.shard import Shard
from seqrec.layers.sharded_catalogue import ShardedCatalogue
from seqrec.shapes import History, position_mask


class SequenceModel(nn.Module):
    """The module that is trained, saved, explained, exported and served.

    It is split at ``x_BLD``, the encoder's input: :meth:`embed` returns it, :meth:`read` and
    :meth:`last` take it, so that an objective or an explanation can change it in between.

    Args:
        embedding: maps items to vectors.
        encoder: maps vectors to hidden states.
        head: maps hidden states to summaries of every prefix.
        scorer: maps summaries to queries, and gives the catalogue they are scored against.
        context: maps event columns to vectors added to the item vectors; None: no context.
        ask: turns a history into the model's input for predicting its next item, as in
            training (see :class:`~seqrec.contracts.Objective`); None: the history itself.
        mask_D: the vector of an item that is hidden or unknown, for an objective that asks by
            hidden items; None: such an item has no vector.
        shard: the rows that this process has of the item table; None: all.
    """

    def __init__(
        self,
        *,
        embedding: ItemEmbedding,
        encoder: Encoder,
        head: Head,
        scorer: Scorer,
        context: EventContext | None = None,
        ask: Callable[[History], History] | None = None,
        mask_D: nn.Parameter | None = None,
        shard: Shard | None = None,
    ) -> None:
        super().__init__()
        self.shard = shard
        self.embedding, self.encoder, self.head, self.scorer = embedding, encoder, head, scorer
        self.context, self.ask, self.mask_D = context, ask or _unchanged, mask_D

    @property
    def wanted(self) -> tuple[str, ...]:
        """Event columns that histories must hold besides their items."""
        parts = (self.context, self.encoder)
        return tuple(dict.fromkeys(name for part in parts for name in getattr(part, "wanted", ())))

    @property
    def from_start(self) -> bool:
        """Whether a user's first event can be predicted."""
        return getattr(self.embedding, "from_start", False)

    def forward(self, history: History) -> Tensor:
        """Return ``u_BLD``: the summary of every prefix of right-padded histories."""
        return self.read(self.embed(history), history)

    def embed(self, history: History, candidate_V: Tensor | None = None) -> Tensor:
        """Return ``x_BLD``: the encoder's input; items outside `candidate_V` have no vector."""
        known = history.masked(candidate_V)
        x_BLD = self.embedding(known)
        if self.mask_D is not None:
            x_BLD = x_BLD + self._hidden(known)
        return x_BLD if self.context is None else x_BLD + self.context(history)

    def summands(self, history: History, candidate_V: Tensor | None = None) -> dict[str, Tensor]:
        """Return the vectors that :meth:`embed` is the sum of in evaluation mode, by name.

        They are ``item`` (its id), ``item.<feature>`` and ``event.<column>``; an embedding or a
        context that doesn't tell its parts apart is one part.
        """
        known = history.masked(candidate_V)
        parts = summands_of(self.embedding, known, "item")
        if self.mask_D is not None:
            parts["item"] = parts.get("item", 0) + self._hidden(known)
        if self.context is None:
            return parts
        return parts | summands_of(self.context, history, "event")

    def _hidden(self, known: History) -> Tensor:
        """Return ``mask_D`` at each item that is hidden or unknown, and zeros elsewhere: BLD."""
        assert self.mask_D is not None
        valid_BL = position_mask(known.length_B, known.item_BL.shape[1])
        return ((known.item_BL == 0) & valid_BL).unsqueeze(-1) * self.mask_D

    def read(self, x_BLD: Tensor, history: History) -> Tensor:
        """Map ``x_BLD -> u_BLD``: the summary of every prefix."""
        return self.head(*self.states(x_BLD, history))

    def states(self, x_BLD: Tensor, history: History) -> tuple[Tensor, ...]:
        """Return what the head reads: ``(h_BLD,)``, or ``(h_BLD, x_BLD)`` if it reads inputs."""
        h_BLD = self.encoder(x_BLD, history)
        return (h_BLD, x_BLD) if getattr(self.head, "reads_inputs", False) else (h_BLD,)

    def last(self, x_BLD: Tensor, history: History) -> Tensor:
        """Map ``x_BLD -> u_BD``: the summary at the last valid position only, at lower cost."""
        if self._last_state is not None:
            h_B1D = self._last_state(x_BLD, history).unsqueeze(1)  # one position, the first
            return self.head.at(h_B1D, torch.zeros_like(history.length_B))
        return self.head.at(*self.states(x_BLD, history), history.length_B - 1)

    def query(self, history: History, candidate_V: Tensor | None = None) -> Tensor:
        """Return ``query_BD`` of whole histories, at the last valid position."""
        history = self.ask(history)
        return self.scorer(self.last(self.embed(history, candidate_V), history))

    def attention(self, history: History, candidate_V: Tensor | None = None) -> Tensor:
        """Return ``alpha_BL``: the head's weights on the history at the last valid position."""
        width, history = history.item_BL.shape[1], self.ask(history)
        states = self.states(self.embed(history, candidate_V), history)
        return self.head.weights(*states, history.length_B - 1)[:, :width]

    def answer(self, history: History, candidate_V: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return :meth:`query` and :meth:`attention` with at most one pass of the encoder."""
        width, history = history.item_BL.shape[1], self.ask(history)
        x_BLD, position_B = self.embed(history, candidate_V), history.length_B - 1
        if self._last_state is not None:
            query_BD = self.scorer(self.last(x_BLD, history))
            states: tuple[Tensor, ...] = (x_BLD,)  # for its shape
        else:
            states = self.states(x_BLD, history)
            query_BD = self.scorer(self.head.at(*states, position_B))
        return query_BD, self.head.weights(*states, position_B)[:, :width]

    @property
    def _last_state(self) -> Callable[[Tensor, History], Tensor] | None:
        """The encoder's shortcut to its last state, if the head needs no other state."""
        return getattr(self.encoder, "last", None) if getattr(self.head, "local", False) else None

    def catalogue(self) -> Ranked:
        """Return the catalogue that queries are scored against."""
        found = self.scorer.catalogue(self.embedding.table())
        if self.shard is None:
            return found
        assert isinstance(found, Catalogue)
        return ShardedCatalogue.of(found, self.shard)


class BaselineModel(nn.Module):
    """A baseline counted from the training events, with the interface of a trained model.

    Args:
        baseline: holds the counts.
    """

    def __init__(self, baseline: Baseline) -> None:
        super().__init__()
        self.baseline = baseline

    wanted: ClassVar[tuple[str, ...]] = ()

    @property
    def title(self) -> str:
        """What this is, for errors of those who need another model."""
        return f"{type(self.baseline).__name__} is a baseline"

    def query(self, history: History, candidate_V: Tensor | None = None) -> Rows:
        """Return queries of whole histories."""
        return self.baseline.query(history.masked(candidate_V).item_BL, history.length_B)

    def attention(self, history: History, candidate_V: Tensor | None = None) -> Tensor:
        """Return ``alpha_BL``: the weight of each item of the history; 0 if none counts."""
        return self.baseline.weights(history.masked(candidate_V).item_BL, history.length_B)

    def answer(self, history: History, candidate_V: Tensor | None = None) -> tuple[Rows, Tensor]:
        """Return :meth:`query` and :meth:`attention`."""
        return self.query(history, candidate_V), self.attention(history, candidate_V)

    def catalogue(self) -> Table:
        """Return the catalogue that queries are scored against."""
        return self.baseline.table


def summands_of(part: Any, history: History, name: str) -> dict[str, Tensor]:
    """Return the vectors that a part of a model sums, by name; one, `name`, if it doesn't tell."""
    return part.summands(history) if hasattr(part, "summands") else {name: part(history)}


def _unchanged(history: History) -> History:
    return history
