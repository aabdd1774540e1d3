"""Ranking metrics that are exact on any number of devices and in any batches.

A metric of one target an event depends on its rank alone, so the state is a histogram of ranks:
integers, whose sum doesn't know the order or the batches they came in.
"""

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

from seqrec.ranking.gain import Gain
from seqrec.ranking.rank import Ranking


class RankingMetrics(Metric):
    """All metrics of a run at every list length.

    Args:
        gains: name to gain, for example ``{"ndcg": NDCG()}``.
        ks: list lengths.
        n_items: items without the padding id.
        n_candidates: items that may be recommended; coverage is a share of these.
        sync: add up what all processes saw; False where one process sees everything.
    """

    full_state_update = False
    histogram: Tensor
    listed_KV: Tensor

    def __init__(
        self,
        *,
        gains: dict[str, Gain],
        ks: list[int],
        n_items: int,
        n_candidates: int,
        sync: bool = True,
    ) -> None:
        super().__init__(sync_on_compute=sync)
        self.gains, self.ks, self.n_candidates = gains, sorted(set(ks)), n_candidates
        self.longest = self.ks[-1]
        empty = torch.zeros(self.longest + 2, dtype=torch.int64)
        self.add_state("histogram", empty, dist_reduce_fx="sum")
        unlisted = torch.zeros(len(self.ks), n_items + 1, dtype=torch.int64)
        self.add_state("listed_KV", unlisted, dist_reduce_fx="max")

    def update(self, ranking: Ranking) -> None:
        """Count a batch of ranks and mark the items of its top lists."""
        rank_B = ranking.rank_B.clamp(max=self.longest + 1)
        self.histogram += torch.bincount(rank_B, minlength=self.longest + 2)
        for row, k in enumerate(self.ks):
            self.listed_KV[row, ranking.top_BK[:, :k].flatten()] = 1

    def compute(self) -> dict[str, float]:
        """``{"ndcg@10": ...}``, in float64; NaN when nothing was ranked."""
        count = self.histogram.cpu().double()
        rank_R = torch.arange(1, self.longest + 2)
        results = {}
        for name, gain in self.gains.items():
            for k in self.ks if gain.at_k else self.ks[:1]:
                mean = (gain(rank_R, k).double() * count[1:]).sum() / count.sum()
                results[f"{name}@{k}" if gain.at_k else name] = mean.item()
        listed = self.listed_KV[:, 1:].sum(1).tolist()
        for k, items in zip(self.ks, listed, strict=True):
            results[f"coverage@{k}"] = items / self.n_candidates
        return results


class RankList(Metric):
    """Every event's rank, kept beside its user: what significance tests and slices start from."""

    full_state_update = False
    user: list[Tensor]
    rank: list[Tensor]

    def __init__(self) -> None:
        super().__init__()
        self.add_state("user", [], dist_reduce_fx="cat")
        self.add_state("rank", [], dist_reduce_fx="cat")

    def update(self, user_B: Tensor, rank_B: Tensor) -> None:
        """Append a batch."""
        self.user.append(user_B)
        self.rank.append(rank_B)

    def compute(self) -> tuple[Tensor, Tensor]:
        """Users and ranks, ordered by user, on the CPU."""
        user_R, rank_R = dim_zero_cat(self.user).cpu(), dim_zero_cat(self.rank).cpu()
        order = user_R.argsort(stable=True)
        return user_R[order], rank_R[order]
