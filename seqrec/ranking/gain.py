"""The contract of a ranking metric."""

from typing import ClassVar, Protocol

from torch import Tensor


class Gain(Protocol):
    """Maps ranks to gains: ``gain(rank_R, k)``.

    Attributes:
        at_k: whether the metric depends on k.
        higher_is_better: whether more of the metric is better, as in torchmetrics.
    """

    at_k: ClassVar[bool]
    higher_is_better: ClassVar[bool]

    def __call__(self, rank_R: Tensor, k: int) -> Tensor: ...
