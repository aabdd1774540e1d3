"""Odd lists of a log, for a person to look at."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from seqrec.evidence.overlap import rbo
from seqrec.evidence.shares import growth
from seqrec.feedback import Feedback, stands_in

DAY = 86_400_000
FEWEST = 5  # items of a list whose variety is looked at
FEW = 2  # events after which a list should still be like the one before
ORDER = ("complaint", "exposure", "stability", "variety")


@dataclass(frozen=True)
class Odd:
    """A list, and why it is odd.

    Args:
        request_id: of the list.
        session: hash of its session.
        time: when it was shown, in milliseconds.
        items: original ids, from the first slot on.
        kind: one of :data:`ORDER`.
        why: in words, with the number.
        item: the item that it is about; None: the whole list.
    """

    request_id: str
    session: str
    time: int
    items: list[str]
    kind: str
    why: str
    item: str | None = None


@dataclass(frozen=True)
class Rules:
    """What is odd.

    Args:
        complaints: outcomes by which users complain.
        overlap: two lists of a session in a row that overlap less (RBO) are unstable.
        ratio: an item whose share of the slots grew by more in the last day has jumped.
        most: lists of each kind.
    """

    complaints: tuple[str, ...] = ("complaint",)
    overlap: float = 0.1
    ratio: float = 2.0
    most: int = 10


def queue(feedback: Feedback, catalogue: pl.DataFrame | None, rules: Rules) -> list[Odd]:
    """Return the odd lists of a log, complaints first.

    Args:
        feedback: the log.
        catalogue: item and categories; None: how varied lists are isn't looked at.
        rules: what is odd.
    """
    found = [*_complaints(feedback, rules), *_jumps(feedback, rules), *_unstable(feedback, rules)]
    if catalogue is not None and "categories" in catalogue.columns:
        found += uniform(feedback, catalogue, rules)
    return sorted(found, key=lambda odd: (ORDER.index(odd.kind), odd.time))


def _complaints(feedback: Feedback, rules: Rules) -> Iterator[Odd]:
    said = feedback.outcomes.filter(pl.col("event").is_in(rules.complaints)).select(
        "request_id", "item", "event"
    )
    told = said.unique("request_id", keep="first", maintain_order=True)
    for row in _slates(feedback, told, rules).iter_rows(named=True):
        yield _odd(row, "complaint", f"{row['event']} about {row['item']}", row["item"])


def _jumps(feedback: Feedback, rules: Rules) -> Iterator[Odd]:
    """Find items whose share of the slots grew in the last day, and a list that shows each."""
    slots = feedback.slates.select("request_id", "time", pl.col("items").alias("item"))
    slots = slots.with_columns(slot=pl.int_ranges(0, pl.col("item").list.len())).explode(
        "item", "slot"
    )
    late = pl.col("time") > pl.col("time").max() - DAY
    counts = (
        slots.with_columns(late=late)
        .group_by("item")
        .agg(now=pl.col("late").sum(), before=(~pl.col("late")).sum())
        .sort("item")
    )
    if not counts["before"].sum():
        return
    grown = growth(counts["now"], counts["before"])
    shares = [counts[name] / max(1, counts[name].sum()) for name in ("now", "before")]
    told = counts.select("item").with_columns(
        pl.Series("grown", grown), pl.Series("now", shares[0]), pl.Series("before", shares[1])
    )
    jumped = told.filter(pl.col("grown") > rules.ratio).sort("grown", descending=True)
    shown = slots.filter(late).sort("slot", "time").join(jumped, on="item")
    first = shown.unique("item", keep="first", maintain_order=True).sort("grown", descending=True)
    columns = ("request_id", "item", "now", "before")
    for row in _slates(feedback, first.select(columns), rules).iter_rows(named=True):
        why = f"{row['item']} grew from {row['before']:.2%} to {row['now']:.2%} of the slots"
        yield _odd(row, "exposure", why, row["item"])


def _unstable(feedback: Feedback, rules: Rules) -> Iterator[Odd]:
    """Find lists that have little in common with their session's list of a few events before.

    Of lists that were drawn, the best candidates are compared: what chance does isn't odd.
    """
    best = pl.col("candidates").list.head(pl.col("items").list.len())
    listed = pl.when(pl.col("candidates").list.len() > 0).then(best).otherwise(pl.col("items"))
    pairs = (
        feedback.slates.filter(~stands_in())
        .select("request_id", "session", "bundle", "time", "history", list=listed)
        .sort("session", "time")
        .with_columns(last=pl.col("history").list.last())
        .with_columns(
            pl.col("list", "bundle", "last").shift(1).over("session").name.suffix("_before")
        )
        .filter(
            pl.col("bundle") == pl.col("bundle_before"),
            pl.col("history").list.tail(FEW + 1).list.contains(pl.col("last_before")),
            pl.col("list").list.len() > 0,
        )
    )
    if not len(pairs):
        return
    overlap = rbo(*_coded(pairs["list"], pairs["list_before"]))
    odd = pairs.select("request_id").with_columns(pl.Series("overlap", overlap))
    odd = odd.filter(pl.col("overlap") < rules.overlap).sort("overlap")
    for row in _slates(feedback, odd, rules).iter_rows(named=True):
        why = f"overlap with the session's list before is {row['overlap']:.2f} (RBO)"
        yield _odd(row, "stability", why)


def uniform(feedback: Feedback, catalogue: pl.DataFrame, rules: Rules) -> Iterator[Odd]:
    """Find lists whose items are all of one category, as few lists are.

    Args:
        feedback: the lists.
        catalogue: item and categories, a list for each item.
        rules: what is odd.
    """
    slots = feedback.slates.select("request_id", pl.col("items").alias("item")).explode("item")
    kinds = catalogue.select("item", "categories").explode("categories").drop_nulls()
    within = (
        slots.join(kinds, on="item")
        .group_by("request_id", "categories")
        .agg(count=pl.col("item").n_unique())
    )
    sizes = slots.group_by("request_id").agg(size=pl.col("item").n_unique())
    whole = within.join(sizes, on="request_id").filter(
        pl.col("count") == pl.col("size"), pl.col("size") >= FEWEST
    )
    if len(whole.unique("request_id")) * 2 > len(sizes):  # most lists are: it is no oddity here
        return
    told = whole.sort("request_id", "categories").unique(
        "request_id", keep="first", maintain_order=True
    )
    for row in _slates(feedback, told, rules).iter_rows(named=True):
        yield _odd(row, "variety", f"all {row['size']} items are {row['categories']}")


def _slates(feedback: Feedback, told: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    """Return the first of the named lists that the log has, with what is told of them."""
    columns = ("request_id", "session", "time", "items")
    joined = told.join(
        feedback.slates.select(columns), on="request_id", how="inner", maintain_order="left"
    )
    return joined.head(rules.most)


def _odd(row: dict[str, Any], kind: str, why: str, item: str | None = None) -> Odd:
    return Odd(
        request_id=row["request_id"],
        session=row["session"],
        time=row["time"],
        items=row["items"],
        kind=kind,
        why=why,
        item=item,
    )


def _coded(one: pl.Series, two: pl.Series) -> tuple[np.ndarray, np.ndarray]:
    """Return lists of ids as codes, filled up with -1."""
    lists = pl.concat([one, two])
    lengths = lists.list.len().to_numpy().astype(np.int64)
    flat = lists.explode(empty_as_null=False).rank("dense").cast(pl.Int64)
    table = np.full((len(lengths), int(lengths.max())), -1)
    row = np.repeat(np.arange(len(lengths)), lengths)
    column = np.arange(len(row)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    table[row, column] = flat.to_numpy()
    return table[: len(one)], table[len(one) :]
