"""No reranking: the order of the model."""

from typing import ClassVar

import torch
from torch import Tensor

from seqrec.shapes import History


class NoRerank:
    """Leave rankings as they are; with depth 0 it is never called."""

    depth: ClassVar[int] = 0

    def __call__(self, item_BK: Tensor, score_BK: Tensor, history: History) -> Tensor:
        """Return the identity permutation."""
        return torch.arange(item_BK.shape[1], device=item_BK.device).expand_as(item_BK)
