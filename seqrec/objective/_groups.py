"""Groups of users, and the loss of each group."""

from collections.abc import Callable

import polars as pl
import torch
from torch import Tensor

from seqrec.contracts import Model
from seqrec.objective.next_item import NextItem, targets_of
from seqrec.shapes import TrainBatch

ACTIVITY = "activity"
MOST = 8  # groups of a column


class Groups:
    """The group of each user: by a column of the users, or by how much they have.

    ``activity`` has two groups: users with at most the median number of different items in training
    and users with more; where nobody has more, the latter have the median. A column of texts, or of
    at most eight different numbers, has a group for each value; another column of numbers is cut at
    its median. A user whose value is missing, or who isn't known, is in no group.

    Args:
        by: ``activity``, or a column.
        n_items: items without the padding id.
        n_users: users of the store.
        users: returns the table of users.
        own_items: returns the users' items in training; see :class:`~seqrec.facts.Facts`.

    Raises:
        ValueError: there is no such column, or it has one group or more than eight.
    """

    def __init__(
        self,
        by: str,
        *,
        n_items: int,
        n_users: int,
        users: Callable[[], pl.DataFrame] | None,
        own_items: Callable[[], Tensor] | None,
    ) -> None:
        if by == ACTIVITY:
            if own_items is None:
                raise ValueError("objective.by=activity needs the users' items in training")
            items_U = torch.bincount(own_items() // (n_items + 1), minlength=n_users)
            value = pl.Series(items_U.numpy())
        else:
            table = pl.DataFrame() if users is None else users()
            known = [name for name in table.columns[2:] if table[name].null_count() < len(table)]
            if by not in known:
                told = ", ".join([ACTIVITY, *known])
                raise ValueError(f"objective.by={by}: users have no such column; choose of {told}")
            value = table[by]
        self.code_U = _codes(value, halve=by == ACTIVITY)
        self.count = int(self.code_U.max()) + 1
        if not 2 <= self.count <= MOST:
            raise ValueError(f"objective.by={by}: {self.count} groups; it takes 2 to {MOST}")

    def losses(
        self, next_item: NextItem, model: Model, batch: TrainBatch
    ) -> tuple[Tensor, int, dict[int, Tensor]]:
        """Return the mean loss, the number of targets, and the mean loss of each group there is.

        The positions are shared out among the groups, so all takes as long as one loss.
        """
        self.code_U = self.code_U.to(batch.history.user_B.device)
        targets, column_N = targets_of(batch)
        query_ND = model.scorer(model(batch.history)[targets.row_N, column_N])
        assert targets.user_N is not None
        code_N = torch.where(targets.user_N < 0, -1, self.code_U[targets.user_N])
        total, own = query_ND.new_zeros((), dtype=torch.float32), {}
        for code in range(-1, self.count):
            place_M = (code_N == code).nonzero().squeeze(1)
            if not len(place_M):
                continue
            some = targets.take(place_M)
            loss = next_item.compare(model, query_ND[place_M], some, batch.history.item_BL)
            total = total + loss * (len(place_M) / len(code_N))
            if code >= 0:
                own[code] = loss
        return total, len(code_N), own


def _codes(value: pl.Series, *, halve: bool) -> Tensor:
    """Return the group of each value, from 0; -1 where it is missing."""
    number = value.cast(pl.Float64, strict=False).fill_nan(None)
    numeric = number.null_count() == value.null_count()
    if halve or (numeric and number.drop_nulls().n_unique() > MOST):
        most = number.max()  # if the median itself, those below it are the first half
        cut = number.filter(number < most).max() if number.median() == most else number.median()
        code = (number > cut).fill_null(False).cast(pl.Int64).set(number.is_null(), None)
    else:
        text = value.cast(pl.String).str.strip_chars().replace("", None)
        names = text.drop_nulls().unique().sort()
        code = text.cast(pl.Enum(names)).to_physical().cast(pl.Int64)
    return torch.from_numpy(code.fill_null(-1).to_numpy().copy())
