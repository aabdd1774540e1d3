"""Counting what held-out events show: ranks, metrics, rating errors."""

import torch
from torch import Tensor, nn
from torchmetrics import MeanSquaredError

from seqrec.ranking.gain import Gain
from seqrec.ranking.metrics import RankingMetrics, RankList
from seqrec.ranking.rank import Ranking, rank_targets
from seqrec.types import Catalogue, EvalBatch, Loss


class Judge(nn.Module):
    """Ranks the catalogue for each event of an evaluation; exact on any number of processes.

    Args:
        gains: ranking metrics by name.
        ks: list lengths.
        n_items: items of the catalogue.
        allowed_V: bool, items that may be ranked; None: all.
        mask_seen: items of the history can't be recommended again.
        rates: the loss predicts ratings, so count their error too.
    """

    def __init__(
        self,
        *,
        gains: dict[str, Gain],
        ks: list[int],
        n_items: int,
        allowed_V: Tensor | None,
        mask_seen: bool,
        rates: bool,
    ) -> None:
        super().__init__()
        self.mask_seen = mask_seen
        self.allowed_V: Tensor | None
        self.register_buffer("allowed_V", allowed_V, persistent=False)
        n_candidates = n_items if allowed_V is None else int(allowed_V[1:].sum())
        self.ranking = RankingMetrics(
            gains=gains, ks=ks, n_items=n_items, n_candidates=n_candidates
        )
        self.rmse = MeanSquaredError(squared=False) if rates else None
        self.rank_list = RankList()

    def count(
        self, query_BD: Tensor, batch: EvalBatch, catalogue: Catalogue, loss: Loss
    ) -> Ranking:
        """Rank the batch's targets and count them."""
        ranking = rank_targets(
            query_BD,
            catalogue,
            batch.target_B,
            k=self.ranking.longest,
            seen_row_P=batch.seen_row_P if self.mask_seen else None,
            seen_item_P=batch.seen_item_P if self.mask_seen else None,
            allowed_V=self.allowed_V,
        )
        self.ranking.update(ranking)
        if self.rmse is not None:
            predicted_B = loss.predict(query_BD, batch.target_B, catalogue)  # type: ignore[attr-defined]
            assert batch.rating_B is not None
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
        """Users that were noted and the ranks of their targets; noting begins anew."""
        user, rank = self.rank_list.compute()
        self.rank_list.reset()
        return torch.atleast_1d(user), torch.atleast_1d(rank)  # torchmetrics squeezes a single one
