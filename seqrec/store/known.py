"""Ids that keep the numbers of an earlier preparation, with new ones appended."""

from collections.abc import Callable

import numpy as np
import polars as pl

from seqrec.errors import DataError
from seqrec.raw.source import Known
from seqrec.store.steps import Events

Texts = Callable[[Events], pl.Series]  # String, one per event


def kept(events: Events, user_of: Texts, item_of: Texts, known: Known) -> np.ndarray:
    """Return which events are kept: new ones, and those that the earlier preparation kept.

    A step such as ``k_core`` keeps more users and items once there are more events. Their earlier
    events stay out, so that what was prepared before is the beginning of what is prepared now.

    Args:
        events: what the steps left, with times; users are sessions if these were cut.
        user_of, item_of: return the ids of events.
        known: the ids of the earlier preparation.

    Returns:
        bool, by event.
    """
    assert events.timestamp is not None, "without times nothing is known to be earlier"
    user = _is_in(known.users, events.user, events, user_of, session=events.session is not None)
    item = _is_in(known.items, events.item, events, item_of)
    return (events.timestamp >= known.since) | (user & item)


def none_kept(name: str) -> DataError:
    """Return the error of a source without an event that :func:`kept` keeps."""
    return DataError(
        f"{name} has no event that the earlier preparation kept, and no newer one",
        where=name,
        todo="update the run with the data that it was trained on, and newer events",
    )


def numbered_after(known: pl.Series, items: pl.DataFrame) -> tuple[np.ndarray, pl.DataFrame]:
    """Number items anew: known ones as before, the others after them in their order.

    Args:
        known: ids in the order of their numbers.
        items: index from 1, and item.

    Returns:
        int32, the new number, from 0, of each row of `items`; and `items` with the new numbers,
        which has every known one.
    """
    before = pl.DataFrame({"item": known, "before": np.arange(len(known), dtype=np.int32)})
    place = items.join(before, on="item", how="left", maintain_order="left")["before"]
    fresh = place.is_null().to_numpy()
    number = place.fill_null(0).to_numpy().copy()
    number[fresh] = len(known) + np.arange(fresh.sum(), dtype=np.int32)
    ids = pl.concat([known, items["item"].filter(pl.Series(fresh))])
    index = pl.Series("index", np.arange(1, len(ids) + 1, dtype=np.int32))
    return number, pl.DataFrame([index, ids.alias("item")])


def _is_in(
    known: pl.Series, code: np.ndarray, events: Events, text_of: Texts, *, session: bool = False
) -> np.ndarray:
    """Return whether each event's id is known; each id is looked up once."""
    event = np.zeros(int(code.max()) + 1, dtype=np.int64)
    event[code] = np.arange(len(code))  # one of each code
    used = np.flatnonzero(np.bincount(code))
    ones = events.take(event[used])
    text = text_of(ones)
    if session:
        text = text + "/" + pl.Series(ones.session).cast(pl.String)
    found = np.zeros(len(event), dtype=bool)
    found[used] = text.is_in(known.drop_nulls().implode()).to_numpy()
    return found[code]
