"""One learned vector per user, which matrix factorisation uses instead of a history."""

import math
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seqrec.shapes import History


class UserEmbedding(nn.Module):
    """Vectors of users, and a table of items to score them against (Koren et al. 2009).

    A user without training events has the vector zero: only a scorer's bias ranks the items.

    Args:
        n_users: users; one more row stands for unknown users.
        n_items: items without the padding id; the table has ``V = n_items + 1`` rows.
        sparse: whether the gradient of the users' table is sparse.
        dim: width D.
        std: standard deviation of the initial item vectors; null: Xavier, ``sqrt(2 / (V + D))``.
            Users begin at zero.
    """

    from_start: ClassVar[bool] = True
    has_codes: ClassVar[bool] = False

    def __init__(
        self, *, n_users: int, n_items: int, sparse: bool, dim: int, std: float | None = None
    ) -> None:
        super().__init__()
        self.sparse = sparse
        self.user_UD = nn.Parameter(torch.zeros(n_users + 1, dim))
        self.weight_VD = nn.Parameter(torch.empty(n_items + 1, dim))
        xavier = math.sqrt(2 / (n_items + 1 + dim))
        nn.init.normal_(self.weight_VD, std=xavier if std is None else std)
        nn.init.zeros_(self.weight_VD[0])

    def forward(self, history: History) -> Tensor:
        """Return ``x_BLD``, the user's vector at each position."""
        user_BD = F.embedding(history.user_B + 1, self.user_UD, padding_idx=0, sparse=self.sparse)
        return user_BD[:, None].expand(-1, history.item_BL.shape[1], -1)

    def table(self) -> Tensor:
        """Return ``table_VD`` of the items; row 0 is the padding id."""
        return self.weight_VD
