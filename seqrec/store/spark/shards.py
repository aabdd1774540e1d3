"""Shards of users, written by Spark's executors into one folder."""

from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np

from seqrec.raw.spark.scratch import Scratch
from seqrec.store.index import Entry
from seqrec.store.placed import Order, by_rank
from seqrec.store.shards import cuts, write_shard
from seqrec.store.spark.bucket import load, mapped, write

SHARD = 1 << 22  # events in a shard, about; a user's are never divided
Context = dict[str, list[str] | None]


def written(
    source: Path,
    numbers: list[int],
    order: Order,
    item: np.ndarray,
    context: Context,
    folder: Path,
    shards: int | None,
    scratch: Scratch,
) -> list[Entry]:
    """Let the executors bring all events into the order of a store, and write its shards.

    Args:
        source: of the buckets, sorted by user and time.
        numbers: of the buckets.
        order: the order, with a rank for each of these.
        item: the index of each code of an item.
        context: the context columns and the names of their codes.
        folder: of the store.
        shards: how many; None: one for every `SHARD` events.
        scratch: for the buckets in order.
    """
    index, ordered = scratch.new().with_suffix(".npy"), scratch.new()
    np.save(index, item)
    place = partial(_place, source=source, index=index, target=ordered)
    for _ in scratch.each(place, list(zip(numbers, order.rank, strict=True))):
        pass
    size = len(order.offset) - 1
    wanted = -(-int(order.offset[-1]) // SHARD) if shards is None else shards
    first = cuts(order.offset, min(wanted, size)).tolist()
    jobs = list(enumerate(pairwise(first)))
    buckets = [ordered / str(number) for number in numbers]
    return list(
        scratch.each(partial(_write, buckets=buckets, context=context, folder=folder), jobs)
    )


def _place(job: tuple[int, np.ndarray], source: Path, index: Path, target: Path) -> None:
    """Bring the events of a bucket into the order of the store, given its number and ranks."""
    number, rank = job
    name = str(number)
    write(target / name, by_rank(load(source / name), rank, np.load(index)))


def _write(
    job: tuple[int, tuple[int, int]], buckets: list[Path], context: Context, folder: Path
) -> Entry:
    """Write one shard, given its number, its first user and that of the next."""
    number, users = job
    names = ["item", "timestamp", "rating", "part"]
    names += [f"context_{at}" for at in range(len(context))]
    parts = []
    for bucket in buckets:
        columns = mapped(bucket, ["user", *names])
        begin, end = np.searchsorted(columns["user"], users)
        parts.append({name: values[begin:end] for name, values in columns.items()})
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    user = columns.pop("user") - users[0]
    order = np.argsort(user, kind="stable")
    length = np.bincount(user, minlength=users[1] - users[0])
    columns = {name: values[order] for name, values in columns.items()}
    arrays = {name: columns.get(name) for name in ("item", "timestamp", "rating", "part")}
    own = {n: (columns[f"context_{at}"], codes) for at, (n, codes) in enumerate(context.items())}
    offset = np.concatenate([[0], np.cumsum(length)])
    return write_shard(
        folder, number, first_user=users[0], arrays={"offset": offset, **arrays}, context=own
    )
