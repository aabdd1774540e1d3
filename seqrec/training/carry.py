"""Rows of tables, carried over from one model to another by their names."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Carry = Callable[[Tensor, Tensor], Tensor]  # a table before, and the new model's: the table now


def by_name(then: Sequence[str | None], now: Sequence[str], *, anew: bool = False) -> Carry:
    """Return how rows 1, 2, ... called `then` become rows called `now`; row 0 has no name.

    Args:
        then, now: the names; None is nobody's.
        anew: rows of other names stay as the new model began with them; else they are zero.
    """
    place = {name: at for at, name in enumerate(then, 1) if name is not None}
    source = torch.tensor([0, *(place.get(name, -1) for name in now)])

    def carry(old: Tensor, new: Tensor) -> Tensor:
        rows = old[source.clamp(min=0)]
        rows[source < 0] = new[source < 0] if anew else 0
        return rows

    return carry
