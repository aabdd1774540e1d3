"""No encoder: the attention head works on the item vectors themselves."""

from typing import ClassVar

from torch import Tensor, nn

from seqrec.shapes import History


class Identity(nn.Module):
    """``h = x``; STAMP attends over bare item vectors."""

    causal: ClassVar[bool] = True

    def forward(self, x_BLD: Tensor, history: History) -> Tensor:
        """Return the input."""
        return x_BLD
