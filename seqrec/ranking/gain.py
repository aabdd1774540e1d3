"""What a rank is worth."""

from typing import ClassVar, Protocol

from torch import Tensor


class Gain(Protocol):
    """What a rank is worth: ``gain(rank_R, k)``.

    Attributes:
        at_k: False where k plays no part.
        higher_is_better: whether more of the metric is better, as in torchmetrics.
    """

    at_k: ClassVar[bool]
    higher_is_better: ClassVar[bool]

    def __call__(self, rank_R: Tensor, k: int) -> Tensor: ...
