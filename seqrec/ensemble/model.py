"""Finished models, asked together."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from seqrec.config.schema import Combine
from seqrec.ensemble.blend import Blend, Blended, deviation
from seqrec.model import BaselineModel, SequenceModel
from seqrec.shapes import History

LEAST = 1e-12  # standard deviation below which a model says nothing of a history


class EnsembleModel(nn.Module):
    """A weighted sum of the scores of finished models, with the interface of one model.

    Log-probabilities differ from scores by a number that a history's items share, so their weighted
    sum orders items as that of the scores does, and no softmax is computed. Standardised scores are
    divided by their standard deviation over the items, which makes any two models comparable.

    Args:
        members: the models; each sees as many of the latest events as in its own run.
        longest: that number, for each.
        combine: ``log_probabilities`` or ``standardised``.
    """

    weight_M: Tensor

    def __init__(
        self,
        members: Sequence[SequenceModel | BaselineModel],
        *,
        longest: Sequence[int],
        combine: Combine,
    ) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        self.longest, self.combine = tuple(longest), combine
        self.register_buffer("weight_M", torch.full((len(members),), 1 / len(members)))

    @property
    def title(self) -> str:
        """What this is, for errors of those who need another model."""
        return f"an ensemble of {len(self.members)} runs is a sum of scores"

    @property
    def wanted(self) -> tuple[str, ...]:
        """Event columns that histories must hold besides their items."""
        return tuple(dict.fromkeys(name for each in self._each for name in each.wanted))

    def query(self, history: History, candidate_V: Tensor | None = None) -> Blended:
        """Return queries of whole histories."""
        return self.weighted(self.asked(history, candidate_V))

    def asked(self, history: History, candidate_V: Tensor | None = None) -> Blended:
        """Return queries in which every model has the same weight, for :meth:`weighted`."""
        return self._scaled(
            [each.query(own, candidate_V) for each, own in self._told(history)], history
        )

    def weighted(self, asked: Blended) -> Blended:
        """Return queries with the models' weights."""
        return Blended(asked.parts, asked.weight_BM * self.weight_M)

    def attention(self, history: History, candidate_V: Tensor | None = None) -> Tensor:
        """Return ``alpha_BL``: the mean of the members' weights on the history."""
        return self._mean(
            [each.attention(own, candidate_V) for each, own in self._told(history)], history
        )

    def answer(self, history: History, candidate_V: Tensor | None = None) -> tuple[Blended, Tensor]:
        """Return :meth:`query` and :meth:`attention`."""
        answers = [each.answer(own, candidate_V) for each, own in self._told(history)]
        queries, weights = zip(*answers, strict=True)
        return self.weighted(self._scaled(queries, history)), self._mean(weights, history)

    def catalogue(self) -> Blend:
        """Return the catalogue that queries are scored against."""
        return Blend(tuple(each.catalogue() for each in self._each))

    @property
    def _each(self) -> list[Any]:
        return list(self.members)

    def _told(self, history: History) -> list[tuple[Any, History]]:
        pairs = zip(self._each, self.longest, strict=True)
        return [(each, history.latest(most)) for each, most in pairs]

    def _scaled(self, queries: Sequence[Any], history: History) -> Blended:
        rows = len(history.length_B)
        if self.combine is not Combine.standardised:
            return Blended(tuple(queries), self.weight_M.new_ones(rows, len(queries)))
        pairs = zip(queries, self.catalogue().parts, strict=True)
        std_BM = torch.stack([deviation(query, part, rows) for query, part in pairs], dim=1)
        return Blended(tuple(queries), (1 / std_BM).masked_fill(std_BM < LEAST, 0).float())

    def _mean(self, weights: Sequence[Tensor], history: History) -> Tensor:
        """Return the weighted mean of the members' attention, each at the places it saw."""
        width, total_BL = history.item_BL.shape[1], None
        for alpha_BL, weight, most in zip(weights, self.weight_M, self.longest, strict=True):
            column_BL = torch.arange(width, device=alpha_BL.device)
            column_BL = column_BL - (history.length_B - most).clamp(min=0)[:, None]
            seen_BL = (column_BL >= 0) & (column_BL < alpha_BL.shape[1])
            own_BL = alpha_BL.gather(1, column_BL.clamp(0, alpha_BL.shape[1] - 1)) * seen_BL
            total_BL = own_BL * weight if total_BL is None else total_BL + own_BL * weight
        assert total_BL is not None
        return total_BL


AnyModel = SequenceModel | BaselineModel | EnsembleModel
