"""What a rank is worth."""

from typing import Protocol

from torch import Tensor


class Gain(Protocol):
    """What a rank is worth: ``gain(rank_R, k)``; `at_k` False where k plays no part."""

    at_k: bool

    def __call__(self, rank_R: Tensor, k: int) -> Tensor: ...
