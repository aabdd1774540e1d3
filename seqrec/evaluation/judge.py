"""Counting what held-out events show: ranks, metrics, rating errors."""

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torchmetrics import MeanSquaredError

from seqrec.contracts import Loss, Ranked, RatingLoss
from seqrec.ranking.gain import Gain
from seqrec.ranking.metrics import EventList, RankingMetrics
from seqrec.ranking.rank import Ranking, rank_among, rank_targets
from seqrec.ranking.sampled import SampledNegatives
from seqrec.shapes import EvalBatch


@dataclass(frozen=True)
class Tested:
    """What a test leaves, by event in the order of the split: ranks and lists.

    Args:
        event_R: place of the event in its split.
        rank_R: of the target, from 1.
        top_RK: the items that were listed, best first; 0 where there are fewer than K.
        sampled_rank_R: of the target among sampled negatives; None: none were asked for.
    """

    event_R: NDArray[np.int64]
    rank_R: NDArray[np.int64]
    top_RK: NDArray[np.int32]
    sampled_rank_R: NDArray[np.int64] | None


class Judge(nn.Module):
    """Ranks the catalogue for each event of an evaluation; exact on any number of processes.

    Args:
        gains: ranking metrics by name.
        ks: list lengths.
        item_count_V: training events of each item.
        candidate_V: bool, items that may be ranked; None: all.
        mask_seen: items of the history can't be recommended again.
        rates: the loss predicts ratings, so count their error too.
        negatives: of the test events, to rank their targets among them only, too.
        sync: add up what all processes saw; False where one process sees everything.
    """

    def __init__(
        self,
        *,
        gains: dict[str, Gain],
        ks: list[int],
        item_count_V: Tensor,
        candidate_V: Tensor | None,
        mask_seen: bool,
        rates: bool = False,
        negatives: SampledNegatives | None = None,
        sync: bool = True,
    ) -> None:
        super().__init__()
        self.mask_seen, self.negatives = mask_seen, negatives
        self.candidate_V: Tensor | None
        self.register_buffer("candidate_V", candidate_V, persistent=False)
        allowed = len(item_count_V) - 1 if candidate_V is None else int(candidate_V[1:].sum())
        self.ranking = RankingMetrics(
            gains=gains, ks=ks, item_count_V=item_count_V, n_candidates=allowed, sync=sync
        )
        self.rmse = MeanSquaredError(squared=False) if rates else None
        noted = ("rank", "top", "sampled_rank") if negatives else ("rank", "top")
        self.noted = EventList(*noted, sync=sync)

    def count(self, query: Any, batch: EvalBatch, catalogue: Ranked, loss: Loss | None) -> Ranking:
        """Rank the batch's targets and count them; `loss` predicts ratings, if there are any."""
        ranking = rank_targets(
            query, catalogue, batch.target_B, k=self.ranking.longest, **self._policy(batch)
        )
        self.ranking.update(ranking)
        if self.rmse is not None:
            assert batch.rating_B is not None
            predicted_B = cast(RatingLoss, loss).predict(query, batch.target_B, catalogue)
            self.rmse.update(predicted_B, batch.rating_B)
        return ranking

    def note(self, query: Any, batch: EvalBatch, catalogue: Ranked, ranking: Ranking) -> None:
        """Keep each test event's rank and list, and its rank among sampled negatives."""
        columns = {"rank": ranking.rank_B, "top": ranking.top_BK.int()}
        if self.negatives is not None:
            item_BS = self.negatives.item_RS[batch.event_B.cpu()].to(batch.target_B)
            columns["sampled_rank"] = rank_among(
                query, catalogue, batch.target_B, item_BS, **self._policy(batch)
            )
        self.noted.update(batch.event_B, **columns)

    def results(self, stage: str) -> dict[str, float]:
        """Metrics of all events that were counted, in float64; counting begins anew."""
        results = {f"{stage}/{name}": value for name, value in self.ranking.compute().items()}
        self.ranking.reset()
        if self.rmse is not None:
            results[f"{stage}/rmse"] = self.rmse.compute().item()
            self.rmse.reset()
        return results

    def tested(self) -> Tested:
        """What was noted of all events; noting begins anew."""
        noted = {n: torch.atleast_1d(v).numpy() for n, v in self.noted.compute().items()}
        self.noted.reset()  # torchmetrics squeezes what is single
        return Tested(
            noted["event"],
            noted["rank"],
            noted["top"].reshape(len(noted["event"]), -1),
            noted.get("sampled_rank"),
        )

    def _policy(self, batch: EvalBatch) -> dict[str, Any]:
        """What can't be recommended."""
        return {
            "seen_row_P": batch.seen_row_P if self.mask_seen else None,
            "seen_item_P": batch.seen_item_P if self.mask_seen else None,
            "candidate_V": self.candidate_V,
        }
