"""The ranking policy: which items may be recommended, and in which order, for every list."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from seqrec.catalogue import Catalogue
from seqrec.contracts import Ranked, Reranker
from seqrec.errors import ConfigError
from seqrec.ranking.rank import Ranking, rank_among, rank_targets
from seqrec.shapes import EvalBatch


class Policy(nn.Module):
    """Decides which items may be recommended to whom, and in which order.

    An item may be recommended if it is a candidate and, with `mask_seen`, isn't in the history.
    Items are ordered by score; ties count against the target, as described at
    :func:`~seqrec.ranking.rank.rank_targets`. The reranker, if any, then reorders the first `depth`
    items. See :meth:`rank`.

    Args:
        candidate_V: bool, items that may be ranked, False for the padding; None: all items.
        mask_seen: don't recommend items of the history again.
        reranker: reorders the first items of each ranking; None: no reranking.
        ranked_V: bool, the candidates that this policy is restricted to; None: all of them.
    """

    def __init__(
        self,
        *,
        candidate_V: Tensor | None,
        mask_seen: bool,
        reranker: Reranker | None = None,
        ranked_V: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.mask_seen, self.reranker = mask_seen, reranker
        self.candidate_V: Tensor | None
        self.ranked_V: Tensor | None
        self.register_buffer("candidate_V", candidate_V, persistent=False)
        ranked_V = candidate_V if ranked_V is None else ranked_V
        self.register_buffer("ranked_V", ranked_V, persistent=False)

    def narrowed(
        self,
        *,
        mask_seen: bool | None = None,
        allow: Iterable[int] | None = None,
        deny: Iterable[int] = (),
    ) -> "Policy":
        """Return this policy for fewer items; `candidate_V`, the items the model knows, stays.

        Args:
            mask_seen: None: as in this policy.
            allow: indices of the only items that may be recommended; None: all candidates.
            deny: indices of items that may not be recommended.

        Raises:
            ValueError: `allow` or `deny` is given, and this policy doesn't list its candidates.
        """
        ranked_V, deny = self.ranked_V, list(deny)
        if allow is not None or deny:
            if ranked_V is None:
                raise ValueError("a policy that doesn't list its candidates can't be narrowed")
            allowed_V = torch.full_like(ranked_V, allow is None)
            allowed_V[list(allow or ())] = True
            allowed_V[deny] = False
            ranked_V = ranked_V & allowed_V
        return Policy(
            candidate_V=self.candidate_V,
            mask_seen=self.mask_seen if mask_seen is None else mask_seen,
            reranker=self.reranker,
            ranked_V=ranked_V,
        )

    def by_score(self) -> "Policy":
        """Return this policy without its reranker."""
        return Policy(
            candidate_V=self.candidate_V, mask_seen=self.mask_seen, ranked_V=self.ranked_V
        )

    def rank(self, query: Any, catalogue: Ranked, batch: EvalBatch, *, k: int) -> Ranking:
        """Rank each query's target among all candidates, and list the best `k`.

        With a reranker, its order replaces the first `depth` places, even if `k` is smaller. A
        target among these gets the rank of its new place, behind tied items that are now below it;
        any other target keeps its rank.

        Args:
            query: B queries in the form that the catalogue takes.
            catalogue: scores the items.
            batch: targets, seen items, and the histories for the reranker.
            k: length of the lists.

        Raises:
            ConfigError: the reranker doesn't return a permutation, leaves gaps, or needs vectors
                that the model doesn't have.
        """
        depth = 0 if self.reranker is None else self.reranker.depth
        ranking = rank_targets(
            query, catalogue, batch.target_B, k=max(k, depth), **self._blocked(batch)
        )
        return self.reordered(ranking, catalogue, batch, k=k)

    def reordered(
        self, ranking: Ranking, catalogue: Ranked, batch: EvalBatch, *, k: int
    ) -> Ranking:
        """Return a ranking by score in the reranker's order, with the best `k` items.

        Args:
            ranking: of this batch, with `k` and the reranker's depth of items or more, as
                :meth:`rank` gives it without a reranker.
            catalogue, batch, k: see :meth:`rank`.
        """
        depth = 0 if self.reranker is None else self.reranker.depth
        if depth:
            ranking = self._reordered(ranking, catalogue, batch, depth)
        return Ranking(ranking.rank_B, ranking.top_BK[:, :k], ranking.top_score_BK[:, :k])

    def rank_among(
        self, query: Any, catalogue: Ranked, batch: EvalBatch, item_BS: Tensor
    ) -> Tensor:
        """Rank each query's target among a few items by their scores alone: ``rank_B``."""
        return rank_among(query, catalogue, batch.target_B, item_BS, **self._blocked(batch))

    def allowed(self, batch: EvalBatch, size: int) -> Tensor:
        """Return ``allowed_BV``: which of `size` items each row of a batch may get."""
        rows, device = len(batch.target_B), batch.target_B.device
        allowed_BV = torch.ones(rows, size, dtype=torch.bool, device=device)
        if self.ranked_V is not None:
            allowed_BV &= self.ranked_V
        if self.mask_seen:
            allowed_BV[batch.seen_row_P, batch.seen_item_P] = False
        allowed_BV[:, 0] = False
        return allowed_BV

    def _blocked(self, batch: EvalBatch) -> dict[str, Tensor | None]:
        return {
            "seen_row_P": batch.seen_row_P if self.mask_seen else None,
            "seen_item_P": batch.seen_item_P if self.mask_seen else None,
            "candidate_V": self.ranked_V,
        }

    def _reordered(
        self, ranking: Ranking, catalogue: Ranked, batch: EvalBatch, depth: int
    ) -> Ranking:
        """Return the ranking with its first `depth` places in the reranker's order."""
        assert self.reranker is not None
        item_BK, score_BK = ranking.top_BK[:, :depth], ranking.top_score_BK[:, :depth]
        given: list[Any] = [item_BK, score_BK, batch.history]
        if getattr(self.reranker, "reads_vectors", False):
            given.append(_vectors(catalogue, item_BK))
        order_BK = self.reranker(*given)
        place_K = torch.arange(item_BK.shape[1], device=item_BK.device)
        if order_BK.shape != item_BK.shape or (order_BK.sort(1).values != place_K).any():
            raise ConfigError("the reranker must return a permutation", where="rerank")
        new_BK = item_BK.gather(1, order_BK)
        if ((new_BK[:, :-1] == 0) & (new_BK[:, 1:] > 0)).any():
            raise ConfigError("the reranker must keep item 0 last", where="rerank")
        return Ranking(
            _new_ranks(ranking.rank_B, item_BK, order_BK, batch.target_B),
            torch.cat([new_BK, ranking.top_BK[:, depth:]], dim=1),
            torch.cat([score_BK.gather(1, order_BK), ranking.top_score_BK[:, depth:]], dim=1),
        )


def _vectors(catalogue: Ranked, item_BK: Tensor) -> Tensor:
    if not isinstance(catalogue, Catalogue):
        raise ConfigError(
            "the reranker compares the model's vectors of items, and this model has none",
            where="rerank",
            todo="compare by a column of the items, or choose another model",
        )
    return catalogue.vectors(item_BK)


def _new_ranks(rank_B: Tensor, item_BK: Tensor, order_BK: Tensor, target_B: Tensor) -> Tensor:
    """Return each target's new rank, with ties below it counted as above; else its old rank."""
    at_BK = item_BK == target_B[:, None]
    old_B1 = at_BK.int().argmax(1, keepdim=True)
    place_BK = order_BK.argsort(1)  # place of each item in the new list, from 0
    new_B1 = place_BK.gather(1, old_B1)
    index_K = torch.arange(item_BK.shape[1], device=item_BK.device)
    # the list is ordered by score, so these are the items below the target that tie with it
    tied_BK = (index_K > old_B1) & (index_K < rank_B[:, None])
    below_B = (tied_BK & (place_BK > new_B1)).sum(1)
    moved_B = at_BK.any(1) & (rank_B <= item_BK.shape[1])
    return torch.where(moved_B, 1 + new_B1.squeeze(1) + below_B, rank_B)
