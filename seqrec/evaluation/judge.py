"""Ranks, metrics and rating errors, accumulated over held-out events."""

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
from seqrec.ranking.policy import Policy
from seqrec.ranking.rank import Ranking
from seqrec.ranking.sampled import SampledNegatives
from seqrec.shapes import EvalBatch


@dataclass(frozen=True)
class Tested:
    """Ranks and lists of a test, by event in the order of the split.

    Args:
        event_R: position of the event in its split.
        rank_R: rank of the target, from 1.
        top_RK: recommended items, best first; padded with 0 where there are fewer than K.
        sampled_rank_R: rank of the target among sampled negatives; None: none are configured.
    """

    event_R: NDArray[np.int64]
    rank_R: NDArray[np.int64]
    top_RK: NDArray[np.int32]
    sampled_rank_R: NDArray[np.int64] | None


class Judge(nn.Module):
    """Ranker of the catalogue for each event of an evaluation; exact on any number of processes.

    Args:
        policy: what may be recommended, and in which order.
        gains: ranking metrics by name.
        ks: list lengths.
        item_count_V: training events of each item.
        rates: the loss predicts ratings, so count their error too.
        negatives: of the test events; their targets are ranked among these as well.
        sync: sum over all processes; False where one process sees everything.
    """

    def __init__(
        self,
        *,
        policy: Policy,
        gains: dict[str, Gain],
        ks: list[int],
        item_count_V: Tensor,
        rates: bool = False,
        negatives: SampledNegatives | None = None,
        sync: bool = True,
    ) -> None:
        super().__init__()
        self.policy, self.negatives = policy, negatives
        candidate_V = policy.candidate_V
        allowed = len(item_count_V) - 1 if candidate_V is None else int(candidate_V.sum())
        self.ranking = RankingMetrics(
            gains=gains, ks=ks, item_count_V=item_count_V, n_candidates=allowed, sync=sync
        )
        self.rmse = MeanSquaredError(squared=False) if rates else None
        columns = ("rank", "top", "sampled_rank") if negatives else ("rank", "top")
        self.noted = EventList(*columns, sync=sync)

    def alone(self, *, sync: bool = False) -> "Judge":
        """Return a judge of the same events for a model that only this process evaluates.

        It ranks by score alone: the reranker belongs to the model that is judged here. With `sync`
        all processes evaluate it, each on its own events.
        """
        return Judge(
            policy=self.policy.by_score(),
            gains=self.ranking.gains,
            ks=self.ranking.ks,
            item_count_V=self.ranking.item_count_V,
            negatives=self.negatives,
            sync=sync,
        )

    def count(self, query: Any, batch: EvalBatch, catalogue: Ranked, loss: Loss | None) -> Ranking:
        """Rank the batch's targets and count them; `loss` predicts the ratings, if any."""
        ranking = self.policy.rank(query, catalogue, batch, k=self.ranking.longest)
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
            columns["sampled_rank"] = self.policy.rank_among(query, catalogue, batch, item_BS)
        self.noted.update(batch.event_B, **columns)

    def results(self) -> dict[str, float]:
        """Return the metrics of all counted events, in float64, and reset the counts."""
        results = self.ranking.compute()
        self.ranking.reset()
        if self.rmse is not None:
            results["rmse"] = self.rmse.compute().item()
            self.rmse.reset()
        return results

    def tested(self) -> Tested:
        """Return ranks and lists of all noted events, and forget them."""
        noted = {n: torch.atleast_1d(v).numpy() for n, v in self.noted.compute().items()}
        self.noted.reset()  # torchmetrics squeezes tensors of one element
        return Tested(
            noted["event"],
            noted["rank"],
            noted["top"].reshape(len(noted["event"]), -1),
            noted.get("sampled_rank"),
        )
