"""What a rank is worth, and what the metrics of a run are called."""

from typing import Protocol

from torch import Tensor


class Gain(Protocol):
    """What a rank is worth: ``gain(rank_R, k)``; `at_k` False where k plays no part."""

    at_k: bool

    def __call__(self, rank_R: Tensor, k: int) -> Tensor: ...


def metric_names(gains: dict[str, Gain], ks: list[int]) -> list[str]:
    """The keys that :meth:`RankingMetrics.compute` gives."""
    names = [f"{n}@{k}" if g.at_k else n for n, g in gains.items() for k in (ks if g.at_k else [0])]
    return names + [f"coverage@{k}" for k in ks]
