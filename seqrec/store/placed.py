"""Events from the order of buckets to the order of a store, on disk."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from seqrec.store.blocks import Blocks
from seqrec.store.bucket import Bucket, columns_of, owners
from seqrec.store.encode import first_rows
from seqrec.store.steps import Events
from seqrec.terminal.progress import advancing
from seqrec.terminal.say import console

STORED = ("item", "timestamp", "rating", "part")
FIRSTS = ("row", "user", "item", "person", "session")  # the columns that decide the order


@dataclass(frozen=True)
class Order:
    """The order of a store: that of the first rows of sequences and of items.

    Args:
        rank: of each bucket, the number of each of its sequences.
        offset: int64, where each sequence begins in the store, and where the last one ends.
        owner: the code of each sequence's user.
        session: the number of each sequence among those of its user; None: no sessions were cut.
        first_item: see :func:`~seqrec.store.encode.first_rows`.
    """

    rank: list[np.ndarray]
    offset: np.ndarray
    owner: np.ndarray
    session: np.ndarray | None
    first_item: np.ndarray


@dataclass(frozen=True)
class Firsts:
    """What decides the order, of one bucket.

    Args:
        row, length, owner: int64, of each sequence the first row, the number of events, and the
            code of the user.
        session: see :class:`Order`.
        item: the codes of its items, and `item_row`, the first row of each.
    """

    row: np.ndarray
    length: np.ndarray
    owner: np.ndarray
    session: np.ndarray | None
    item: np.ndarray
    item_row: np.ndarray


def firsts(columns: Mapping[str, np.ndarray], number: int, buckets: int) -> Firsts:
    """Return what a bucket's sequences and items begin with.

    Args:
        columns: row, user, item and, if sessions were cut, person and session: events that are
            sorted by user and time.
        number: of the bucket.
        buckets: how many there are.
    """
    row, user = columns["row"], columns["user"]
    start = starts(user)
    first_item = first_rows(columns["item"], row) if len(row) else row
    item = np.flatnonzero(first_item != np.iinfo(row.dtype).max)
    return Firsts(
        np.minimum.reduceat(row, start) if len(row) else row,
        np.diff(start, append=len(row)),
        owners(columns.get("person", user)[start], number, buckets),
        columns["session"][start] if "session" in columns else None,
        item,
        first_item[item],
    )


def order_of(buckets: Iterable[Firsts]) -> Order:
    """Return the order, from what each bucket has first."""
    first, length, owner, session = ([] for _ in range(4))  # type: ignore[var-annotated]
    first_item = np.empty(0, dtype=np.int32)
    for each in buckets:
        first.append(each.row)
        length.append(each.length)
        owner.append(each.owner)
        if each.session is not None:
            session.append(each.session)
        first_item = _earlier(first_item, each)
    by_first = np.argsort(np.concatenate(first))
    rank = np.empty(len(by_first), dtype=np.int32)
    rank[by_first] = np.arange(len(by_first), dtype=np.int32)
    lengths = np.concatenate(length)[by_first]
    return Order(
        np.split(rank, np.cumsum([len(each) for each in length])[:-1]),
        np.concatenate([[0], np.cumsum(lengths)]),
        np.concatenate(owner)[by_first],
        np.concatenate(session)[by_first] if session else None,
        first_item,
    )


def placed(
    buckets: list[Bucket],
    order: Order,
    number: np.ndarray,
    categories: dict[str, list[str] | None],
    folder: Path,
    at_once: int,
) -> dict[str, Any]:
    """Bring the events into the order of a store; the files of the buckets are removed.

    Args:
        buckets: of events that are sorted by user and time.
        order: the order.
        number: the index of each code of an item.
        categories: of the context columns.
        folder: of the files.
        at_once: events that are sorted in memory.

    Returns:
        ``arrays`` and ``context`` for :func:`~seqrec.store.store.write`, which read the files once
        and remove them.
    """
    ends = np.arange(at_once, int(order.offset[-1]) + at_once, at_once)
    cuts = np.searchsorted(order.offset, ends)  # a sequence is in the range where it begins
    ranges = [Bucket(folder / f"range_{at}", {}, buckets[0].context) for at in range(len(cuts))]
    with advancing("placing", len(buckets), console) as done:
        for bucket, rank in zip(buckets, order.rank, strict=True):
            if len(rank):
                _place(bucket, rank, number, cuts, ranges)
            bucket.remove()
            done(1)
    with advancing("sorting", len(ranges), console) as done:
        for each in ranges:
            _sort(each)
            done(1)
    types = {name: kind for each in ranges for name, kind in each.types.items()}
    events = int(order.offset[-1])
    arrays = {
        name: Blocks(events, _blocks(ranges, name)) if name in types else None for name in STORED
    }
    context = {
        name: (Blocks(events, _blocks(ranges, f"context_{at}")), names)
        for at, (name, names) in enumerate(categories.items())
    }
    return {"arrays": {"offset": order.offset, **arrays}, "context": context}


def _place(
    bucket: Bucket, rank: np.ndarray, number: np.ndarray, cuts: np.ndarray, ranges: list[Bucket]
) -> None:
    """Append the events of a bucket to the ranges that their sequences belong to."""
    columns = by_rank(bucket.load(), rank, number)
    end = np.searchsorted(columns["user"], cuts)
    for each, first, last in zip(ranges, [0, *end[:-1]], end, strict=True):
        if first < last:
            each.append({name: values[first:last] for name, values in columns.items()})


def by_rank(events: Events, rank: np.ndarray, number: np.ndarray) -> dict[str, np.ndarray]:
    """Return the columns of a bucket's events in the order of the store.

    Args:
        events: sorted by user and time.
        rank: the number of each of their sequences.
        number: the index of each code of an item.

    Returns:
        What a store has of them, and ``user``, the number of the sequence.
    """
    start = starts(events.user)
    length = np.diff(start, append=len(events))
    by_number = np.argsort(rank)
    begin = np.cumsum(length[by_number]) - length[by_number]
    order = np.repeat(start[by_number] - begin, length[by_number]) + np.arange(len(events))
    given = replace(events, user=np.repeat(rank, length), item=number[events.item])
    return {
        name: values[order]
        for name, values in columns_of(given).items()
        if name not in ("row", "person", "session")
    }


def _sort(each: Bucket) -> None:
    """Sort a range by sequence: it has those of one bucket after those of another."""
    order = np.argsort(each.read("user"), kind="stable")
    for name in [name for name in each.types if name != "user"]:
        each.write(name, each.read(name)[order])


def _blocks(ranges: list[Bucket], name: str) -> Iterator[np.ndarray]:
    for each in ranges:
        yield each.read(name)
        each.drop(name)


def starts(user: np.ndarray) -> np.ndarray:
    """Return where each sequence begins."""
    if not len(user):
        return np.empty(0, dtype=np.int64)
    return np.concatenate([[0], np.flatnonzero(user[1:] != user[:-1]) + 1])


def _earlier(first: np.ndarray, bucket: Firsts) -> np.ndarray:
    """Return the first row of each code, see :func:`~seqrec.store.encode.first_rows`."""
    row = bucket.item_row
    end = int(bucket.item.max(initial=-1)) + 1
    none = np.full(max(len(first), end), np.iinfo(row.dtype).max, dtype=row.dtype)
    none[: len(first)] = first
    none[bucket.item] = np.minimum(none[bucket.item], row)
    return none
