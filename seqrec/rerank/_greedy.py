"""Lists filled one place after the other, for all rows at once (greedy maximisation)."""

from collections.abc import Callable

import torch
from torch import Tensor


def relevance(score_BK: Tensor) -> Tensor:
    """Scale the scores of each row to 0 .. 1, so that a weight means the same for every model.

    The first item has 1 and the last of the row's items 0; items that all score the same have 1,
    and places without an item 0.
    """
    known_BK = score_BK > -torch.inf
    most_B1 = score_BK.masked_fill(~known_BK, -torch.inf).amax(1, keepdim=True)
    least_B1 = score_BK.masked_fill(~known_BK, torch.inf).amin(1, keepdim=True)
    span_B1 = most_B1 - least_B1
    scaled_BK = torch.where(span_B1 > 0, (score_BK - least_B1) / span_B1, 1.0)
    return scaled_BK.masked_fill(~known_BK, 0.0)


def fill(
    item_BK: Tensor,
    places: int,
    value: Callable[[int], Tensor],
    chosen: Callable[[int, Tensor], None] | None = None,
    *,
    sort: bool = False,
) -> Tensor:
    """Fill the first places with the items of the highest value; the others keep their order.

    Args:
        item_BK: the items, best first; 0 where a row has no more.
        places: how many places are filled.
        value: ``value(n)`` returns what each item is worth at place n, from 0: ``value_BK``,
            finite. Of items that are worth the same, the one that stood first is taken.
        chosen: is told the place and ``at_B1``, where the item stood that takes it. A row without
            items left repeats one, and its values no longer count.
        sort: what was chosen stands in the order that it had.

    Returns:
        ``order_BK``: the places that the items had, in their new order.
    """
    width = item_BK.shape[1]
    left_BK = item_BK > 0
    new_BK = torch.arange(width, device=item_BK.device).expand_as(item_BK) + width
    for place in range(min(places, width)):
        value_BK = value(place).masked_fill(~left_BK, -torch.inf)
        at_B1 = value_BK.argmax(1, keepdim=True)
        found_B1 = left_BK.gather(1, at_B1)
        new_B1 = at_B1 if sort else torch.full_like(at_B1, place)
        new_BK = new_BK.scatter(1, at_B1, torch.where(found_B1, new_B1, new_BK.gather(1, at_B1)))
        left_BK = left_BK.scatter(1, at_B1, False)
        if chosen is not None:
            chosen(place, at_B1)
    return new_BK.argsort(dim=1, stable=True)


def row(table_BKX: Tensor, at_B1: Tensor) -> Tensor:
    """Return the row of each matrix that ``at_B1`` names: ``(B, X)``."""
    index_B1X = at_B1[:, :, None].expand(-1, 1, table_BKX.shape[2])
    return table_BKX.gather(1, index_B1X).squeeze(1)
