"""No encoder: the attention head works on the item vectors themselves."""

from typing import ClassVar

from torch import Tensor, nn


class Identity(nn.Module):
    """``h = x``; STAMP attends over bare item vectors."""

    causal: ClassVar[bool] = True

    def forward(self, x_BLD: Tensor, length_B: Tensor) -> Tensor:
        """Return the input."""
        return x_BLD
