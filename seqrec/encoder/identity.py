"""No encoder: the head attends over the item vectors themselves."""

from typing import ClassVar

from torch import Tensor, nn

from seqrec.shapes import History


class Identity(nn.Module):
    """``h = x``, as in STAMP, which attends over plain item vectors."""

    causal: ClassVar[bool] = True

    def forward(self, x_BLD: Tensor, history: History) -> Tensor:
        """Return the input."""
        return x_BLD
