"""New items begin at zero."""

import torch
from torch import Tensor

from seqrec.contracts import Fresh


class Zero:
    """Rows of zeros: at first a new item scores the same for everybody."""

    def __call__(self, table_VD: Tensor, fresh: Fresh) -> Tensor:
        """Return the rows of the new items: zeros."""
        return torch.zeros(len(fresh.item_N), *table_VD.shape[1:])
