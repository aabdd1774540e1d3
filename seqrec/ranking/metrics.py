"""Ranking metrics that are exact for any number of devices and any batches.

With one target per event, a metric depends on its rank only, so the state is a histogram of ranks:
integers, whose sum doesn't depend on order or batches.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torchmetrics import MeanSquaredError, Metric
from torchmetrics.utilities import dim_zero_cat

from seqrec.ranking.gain import Gain
from seqrec.ranking.rank import Ranking


def higher_is_better(metric: str, gains: Mapping[str, Gain]) -> bool:
    """Return whether a higher value of a validation metric, such as ``ndcg@10``, is better.

    Args:
        metric: its name in the results; higher is better for ``coverage`` and ``novelty``.
        gains: the ranking metrics by name.
    """
    metrics: dict[str, Any] = {**gains, "rmse": MeanSquaredError}
    return getattr(metrics.get(metric.partition("@")[0]), "higher_is_better", True)


class RankingMetrics(Metric):
    """All ranking metrics of a run at every list length.

    Args:
        gains: gains by name, for example ``{"ndcg": NDCG()}``.
        ks: list lengths.
        item_count_V: training events of each item.
        n_candidates: items that may be recommended, of which coverage is a share.
        sync: sum over all processes; False if one process sees every event.
    """

    full_state_update = False
    histogram: Tensor
    listed_KV: Tensor

    def __init__(
        self,
        *,
        gains: dict[str, Gain],
        ks: list[int],
        item_count_V: Tensor,
        n_candidates: int,
        sync: bool = True,
    ) -> None:
        super().__init__(sync_on_compute=sync, dist_sync_fn=_summed)
        self.gains, self.ks, self.n_candidates = gains, sorted(set(ks)), n_candidates
        self.longest, self.item_count_V = self.ks[-1], item_count_V
        empty = torch.zeros(self.longest + 2, dtype=torch.int64)
        self.add_state("histogram", empty, dist_reduce_fx="sum")
        unlisted = torch.zeros(len(self.ks), len(item_count_V), dtype=torch.int32)
        self.add_state("listed_KV", unlisted, dist_reduce_fx="sum")

    def update(self, ranking: Ranking) -> None:
        """Count the ranks of a batch, and how often each item is in a list."""
        rank_B = ranking.rank_B.clamp(max=self.longest + 1)
        self.histogram += torch.bincount(rank_B, minlength=self.longest + 2)
        size = self.listed_KV.shape[1]
        for row, k in enumerate(self.ks):
            self.listed_KV[row] += torch.bincount(ranking.top_BK[:, :k].flatten(), minlength=size)

    def compute(self) -> dict[str, float]:
        """Return ``{"ndcg@10": ...}``, in float64; NaN if nothing was ranked."""
        count = self.histogram.cpu().double()
        rank_R = torch.arange(1, self.longest + 2)
        results = {}
        for name, gain in self.gains.items():
            for k in self.ks if gain.at_k else self.ks[:1]:
                mean = (gain(rank_R, k).double() * count[1:]).sum() / count.sum()
                results[f"{name}@{k}" if gain.at_k else name] = mean.item()
        for row, k in enumerate(self.ks):
            lists = about_lists(self.listed_KV[row].cpu(), self.item_count_V, self.n_candidates)
            results |= {f"{name}@{k}": value for name, value in lists.items()}
        return results


def _summed(own: Tensor, group: Any = None) -> list[Tensor]:
    """Return the sum of all processes; torchmetrics would collect what each has, and add later."""
    total = own.clone()
    torch.distributed.all_reduce(total, group=group)
    return [total]


def about_lists(listed_V: Tensor, item_count_V: Tensor, n_candidates: int) -> dict[str, float]:
    """Describe the recommended lists, whether or not they hold the target.

    Args:
        listed_V: number of lists that hold each item; the padding id is ignored.
        item_count_V: training events of each item.
        n_candidates: items that may be recommended.

    Returns:
        ``coverage``: share of the candidates that are in any list. ``novelty``: mean
        self-information of the listed items in bits, ``-log2`` of an item's share in the training
        events (Zhou et al. 2010); an item without events counts as having one.
        ``average_popularity``: mean training events of the listed items (Abdollahpouri et al.
        2019). ``gini``: Gini index of the candidates' exposure, 0 if all are listed equally often,
        near 1 if only one is listed (Gini 1912; Fleder and Hosanagar 2009).
    """
    listed, events = listed_V[1:].double(), item_count_V[1:].cpu().double()
    total = listed.sum()
    bits = -(events.clamp(min=1) / events.sum()).log2()
    exposure = listed.sort().values[len(listed) - n_candidates :]  # other items are never listed
    place = 2 * torch.arange(1, n_candidates + 1) - n_candidates - 1
    return {
        "coverage": int((listed > 0).sum()) / n_candidates,
        "novelty": ((bits * listed).sum() / total).item(),
        "average_popularity": ((events * listed).sum() / total).item(),
        "gini": ((place * exposure).sum() / (n_candidates * total)).item(),
    }


class EventList(Metric):
    """A table with a row per event, for slices, significance tests and lists.

    Args:
        columns: names of the columns besides the event.
        sync: gather from all processes; False if one process sees every event.
    """

    full_state_update = False

    def __init__(self, *columns: str, sync: bool = True) -> None:
        super().__init__(sync_on_compute=sync)
        self.columns = columns
        for name in ("event", *columns):
            self.add_state(name, [], dist_reduce_fx="cat")

    def update(self, event_B: Tensor, **columns: Tensor) -> None:
        """Append a batch, one row per event."""
        self.event.append(event_B)  # type: ignore[operator, union-attr]
        for name in self.columns:
            getattr(self, name).append(columns[name])

    def compute(self) -> dict[str, Tensor]:
        """Return events and columns on the CPU, ordered by event."""
        table = {name: dim_zero_cat(getattr(self, name)).cpu() for name in ("event", *self.columns)}
        order = table["event"].argsort(stable=True)
        return {name: value[order] for name, value in table.items()}
