"""Ids that keep the numbers of an earlier preparation, with new ones appended."""

import numpy as np
import polars as pl

from seqrec.raw.ids import tidied
from seqrec.raw.source import Known
from seqrec.store.steps import Events


def kept(events: Events, user_ids: pl.Series, item_ids: pl.Series, known: Known) -> np.ndarray:
    """Return which events are kept: new ones, and those that the earlier preparation kept.

    A step such as ``k_core`` keeps more users and items once there are more events. Their earlier
    events stay out, so that what was prepared before is the beginning of what is prepared now.

    Args:
        events: what the steps left, with times; users are sessions if these were cut.
        user_ids, item_ids: the raw ids, by row.
        known: the ids of the earlier preparation.

    Returns:
        bool, by event.
    """
    assert events.timestamp is not None, "without times nothing is known to be earlier"
    user = _is_in(known.users, events.user, events.row, user_ids, events.session)
    item = _is_in(known.items, events.item, events.row, item_ids)
    return (events.timestamp >= known.since) | (user & item)


def numbered_after(
    known: pl.Series, item: np.ndarray, items: pl.DataFrame
) -> tuple[np.ndarray, pl.DataFrame]:
    """Number items anew: known ones as before, the others after them in their order.

    Args:
        known: ids in the order of their numbers.
        item: int32, the number of each event's item from 0, as the rows of `items`.
        items: index from 1, and item.

    Returns:
        `item` and `items` with the new numbers; `items` has every known one.
    """
    before = pl.DataFrame({"item": known, "before": np.arange(len(known), dtype=np.int32)})
    place = items.join(before, on="item", how="left", maintain_order="left")["before"]
    fresh = place.is_null().to_numpy()
    number = place.fill_null(0).to_numpy().copy()
    number[fresh] = len(known) + np.arange(fresh.sum(), dtype=np.int32)
    ids = pl.concat([known, items["item"].filter(pl.Series(fresh))])
    index = pl.Series("index", np.arange(1, len(ids) + 1, dtype=np.int32))
    return number[item], pl.DataFrame([index, ids.alias("item")])


def _is_in(
    known: pl.Series,
    code: np.ndarray,
    row: np.ndarray,
    ids: pl.Series,
    session: np.ndarray | None = None,
) -> np.ndarray:
    """Return whether each event's id is known; each id is looked up once."""
    event = np.zeros(int(code.max()) + 1, dtype=np.int64)
    event[code] = np.arange(len(code))  # one of each code
    used = np.flatnonzero(np.bincount(code))
    text = tidied(ids.gather(row[event[used]]))
    if session is not None:
        text = text + "/" + pl.Series(session[event[used]]).cast(pl.String)
    found = np.zeros(len(event), dtype=bool)
    found[used] = text.is_in(known.drop_nulls().implode()).to_numpy()
    return found[code]
