"""Counting what held-out events show: ranks, metrics, rating errors."""

from typing import Any, cast

import torch
from torch import Tensor, nn
from torchmetrics import MeanSquaredError

from seqrec.ranking.gain import Gain
from seqrec.ranking.metrics import RankingMetrics, RankList
from seqrec.ranking.rank import Ranking, rank_targets
from seqrec.types import EvalBatch, Loss, Ranked, RatingLoss


class Judge(nn.Module):
    """Ranks the catalogue for each event of an evaluation; exact on any number of processes.

    Args:
        gains: ranking metrics by name.
        ks: list lengths.
        item_count_V: training events of each item.
        allowed_V: bool, items that may be ranked; None: all.
        mask_seen: items of the history can't be recommended again.
        rates: the loss predicts ratings, so count their error too.
    """

    def __init__(
        self,
        *,
        gains: dict[str, Gain],
        ks: list[int],
        item_count_V: Tensor,
        allowed_V: Tensor | None,
        mask_seen: bool,
        rates: bool,
    ) -> None:
        super().__init__()
        self.mask_seen = mask_seen
        self.allowed_V: Tensor | None
        self.register_buffer("allowed_V", allowed_V, persistent=False)
        allowed = len(item_count_V) - 1 if allowed_V is None else int(allowed_V[1:].sum())
        self.ranking = RankingMetrics(
            gains=gains, ks=ks, item_count_V=item_count_V, n_candidates=allowed
        )
        self.rmse = MeanSquaredError(squared=False) if rates else None
        self.rank_list = RankList()

    def count(self, query: Any, batch: EvalBatch, catalogue: Ranked, loss: Loss | None) -> Ranking:
        """Rank the batch's targets and count them; `loss` predicts ratings, if there are any."""
        ranking = rank_targets(
            query,
            catalogue,
            batch.target_B,
            k=self.ranking.longest,
            seen_row_P=batch.seen_row_P if self.mask_seen else None,
            seen_item_P=batch.seen_item_P if self.mask_seen else None,
            allowed_V=self.allowed_V,
        )
        self.ranking.update(ranking)
        if self.rmse is not None:
            assert batch.rating_B is not None
            predicted_B = cast(RatingLoss, loss).predict(query, batch.target_B, catalogue)
            self.rmse.update(predicted_B, batch.rating_B)
        return ranking

    def results(self, stage: str) -> dict[str, float]:
        """Metrics of all events that were counted, in float64; counting begins anew."""
        results = {f"{stage}/{name}": value for name, value in self.ranking.compute().items()}
        self.ranking.reset()
        if self.rmse is not None:
            results[f"{stage}/rmse"] = self.rmse.compute().item()
            self.rmse.reset()
        return results

    def ranks(self) -> tuple[Tensor, Tensor]:
        """Events that were noted and the ranks of their targets; noting begins anew."""
        event, rank = self.rank_list.compute()
        self.rank_list.reset()
        return torch.atleast_1d(event), torch.atleast_1d(rank)  # torchmetrics squeezes a single one
