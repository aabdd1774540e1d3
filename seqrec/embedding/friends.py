"""What a user's friends had, joined to the items of a history."""

import math
from collections.abc import Callable
from typing import Any, ClassVar

import polars as pl
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seqrec.contracts import ItemEmbedding
from seqrec.features.friends import (
    friends_of,
    items_of_friends,
    pairs_in_file,
    pairs_in_table,
)
from seqrec.layers.dropout import Dropout
from seqrec.layers.sizes import make_room
from seqrec.shapes import History


class FriendsEmbedding(nn.Module):
    """``x_t = e(item_t) + W f_u``: the item, and what the friends of the user u like.

    ``f_u`` is the mean over friends of the mean of their items' vectors, of their training events,
    from the same table. It is a prior of a user's taste, as in social matrix factorisation (Jamali
    and Ester 2010, equation 7, where a user's vector is near the mean of the friends'). W begins at
    zero: training begins with a model without friends. A user without friends, or who isn't one of
    the data's, has ``f_u = 0``.

    Friends' events count at all times, also those later than a target, unless the split cuts in
    time.

    Args:
        n_users: users of the data.
        n_items: items without the padding id.
        own_items: returns users' items in training; None: they come from a checkpoint.
        users: returns the table of users; None: likewise.
        of: the embedding of the items.
        dim: width D.
        column: of the table of users, with a list of the friends of each.
        path: a file of pairs of friends (CSV, TSV, Parquet or JSON lines), in place of `column`.
        user, friend: names of its columns.
        directed: a pair is a friendship one way; if not, both ways.
        shuffled: everybody gets the friends of another user: what are friends worth?
        seed: of the shuffle.
        most: items of the friends that count for a user, those of most friends.
        dropout: share of the components of ``W f`` set to zero while training.
    """

    bounds: ClassVar = {"most": (1, 10_000)}
    has_sparse_gradients: ClassVar[bool] = False
    has_codes: ClassVar[bool] = False
    item_UM: Tensor
    weight_UM: Tensor

    def __init__(
        self,
        *,
        n_users: int,
        n_items: int,
        own_items: Callable[[], Tensor] | None,
        users: Callable[[], pl.DataFrame] | None,
        of: ItemEmbedding,
        dim: int,
        column: str = "friends",
        path: str | None = None,
        user: str = "user",
        friend: str = "friend",
        directed: bool = False,
        shuffled: bool = False,
        seed: int = 0,
        most: int = 100,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.of, self.scale = of, math.sqrt(dim)
        self.weight_DD = nn.Parameter(torch.zeros(dim, dim))
        self.dropout = Dropout(dropout)
        found = (torch.zeros(n_users, 1, dtype=torch.int64), torch.zeros(n_users, 1))
        if users is not None and own_items is not None:
            table = users()
            pairs = (
                pairs_in_table(table, column)
                if path is None
                else pairs_in_file(path, user=user, friend=friend)
            )
            friends = friends_of(pairs, table, directed=directed, shuffled=shuffled, seed=seed)
            sizes = {"n_users": n_users, "n_items": n_items, "most": most}
            found = items_of_friends(friends, own_items(), **sizes)
        self.register_buffer("item_UM", found[0])
        self.register_buffer("weight_UM", found[1])

    def forward(self, history: History) -> Tensor:
        """Return ``x_BLD``."""
        x_BLD = self.of(history)
        return x_BLD + self.dropout(self._of_friends(history))[:, None].to(x_BLD.dtype)

    def summands(self, history: History) -> dict[str, Tensor]:
        """Return the vectors that a call sums in evaluation mode: the item's, and ``friends``."""
        inner = getattr(self.of, "summands", None)
        items = inner(history) if inner else {"item": self.of(history)}
        friends_BD = self._of_friends(history)
        return items | {"friends": friends_BD[:, None].expand_as(next(iter(items.values())))}

    def table(self) -> Tensor:
        """Return ``table_VD``; row 0 is the padding id."""
        return self.of.table()

    def _of_friends(self, history: History) -> Tensor:
        """Return ``W f``, (B, D), in the scale of the inputs."""
        row_B = history.user_B.clamp(min=0)
        known_B1 = (history.user_B >= 0)[:, None]
        item_BM, weight_BM = self.item_UM[row_B], self.weight_UM[row_B] * known_B1
        vector_BMD = F.embedding(item_BM, self.of.table(), padding_idx=0)
        mean_BD = torch.einsum("bm,bmd->bd", weight_BM, vector_BMD.float())
        return (mean_BD * self.scale) @ self.weight_DD.T

    def _load_from_state_dict(self, state_dict: dict, prefix: str, *rest: Any) -> None:
        make_room(self, state_dict, prefix)
        super()._load_from_state_dict(state_dict, prefix, *rest)
