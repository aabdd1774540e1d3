"""Sessions of a log as counts in bins, so that any set of sessions is a sum."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from seqrec.feedback import Feedback, attribute, stands_in

Floats = NDArray[np.float64]
GROUPS, LARGE, CATEGORIES, QUANTILES = 20, 0.01, 30, 10
LENGTHS = (1, 2, 3, 5, 8, 13, 21, 34, 55, 89)  # events: the first of each bin
GAPS = (0, 1, 5, 15, 30, 60, 120, 300, 900, 1800, 3600)  # seconds
ITEM, CATEGORY, CODE = "item", "categories", "code"


@dataclass(frozen=True)
class Counts:
    """What each of S sessions adds to a statistic.

    Args:
        sum_SB: counts in B bins, or for a rate two columns, what is counted and out of how many.
        bins: names of the bins; none: a rate.
        target: what the rate has to be; None: what it was in the reference.
    """

    sum_SB: Floats
    bins: tuple[str, ...] = ()
    target: float | None = None

    @property
    def is_rate(self) -> bool:
        """Whether it is a rate and not a distribution."""
        return not self.bins


@dataclass(frozen=True)
class Units:
    """Sessions in the order in which they began.

    Args:
        begun_S: time of the first list of each, in milliseconds.
        counts: by statistic.
        left_out: statistics that the log says nothing about, with the reason.
    """

    begun_S: NDArray[np.int64]
    counts: dict[str, Counts]
    left_out: dict[str, str]


def units_of(
    feedback: Feedback, catalogue: pl.DataFrame, *, reference_until: int, event: str
) -> Units:
    """Count what the sessions of a log did and got.

    Bins follow the sessions of the reference alone.

    Args:
        feedback: the log.
        catalogue: item and, if known, categories (lists) of the items that are known.
        reference_until: sessions that began before are the reference, in milliseconds.
        event: the outcomes that are hits.
    """
    sessions = (
        feedback.slates.group_by("session")
        .agg(pl.col("time").min().alias("begun"), pl.col("history").last())
        .sort("begun", "session")
        .with_row_index("row")
        .with_columns(reference=pl.col("begun") < reference_until)
    )
    rows = sessions.select("session", "row", "reference")
    slates = feedback.slates.join(rows, on="session")
    met = _met(feedback, sessions)
    known = met.join(catalogue.select("item"), on="item", how="semi")
    made = {
        "items": _binned(known, _item_bins(known), len(sessions)),
        "unknown ids": _rate(
            met.join(catalogue.select("item"), on="item", how="anti"), met, len(sessions)
        ),
        "session length": _cut(
            sessions.select("row", value=pl.col("history").list.len()), LENGTHS, len(sessions)
        ),
    }
    left_out = {}
    if CATEGORY in catalogue.columns:
        of_item = catalogue.select("item", CATEGORY).explode(CATEGORY).drop_nulls()
        described = known.join(of_item, on="item")
        bins = _largest(described, CATEGORY)
        made["categories"] = _binned(described, bins, len(sessions), by=CATEGORY)
    else:
        left_out["categories"] = "the catalogue has none"
    gaps = slates.sort("row", "time").select(
        "row", "reference", value=(pl.col("time").diff().over("row")) / 1000
    )
    made["gaps"] = _cut(gaps.drop_nulls(), GAPS, len(sessions))
    made |= _lists(slates.filter(~stands_in()), len(sessions))
    propensities = _calibration(slates, len(sessions))
    if propensities is None:
        left_out["propensities"] = "no list of the log was drawn"
    else:
        made["propensities"] = propensities
    rewarded = attribute(feedback, event=event)[0].join(rows, on="session")
    hits = rewarded.filter(pl.col("rewards").list.sum() > 0)
    made["hit rate"] = _rate(hits, rewarded, len(sessions))
    return Units(sessions["begun"].to_numpy(), made, left_out)


def _met(feedback: Feedback, sessions: pl.DataFrame) -> pl.DataFrame:
    """Return each item that a session had in its history or took, once."""
    had = sessions.select("row", "reference", pl.col("history").alias("item")).explode("item")
    took = feedback.outcomes.select("session", "item").join(
        sessions.select("session", "row", "reference"), on="session"
    )
    both = pl.concat([had, took.select("row", "reference", "item")])
    return both.drop_nulls().unique(maintain_order=True)


def _item_bins(known: pl.DataFrame) -> pl.DataFrame:
    """Give items with much of the reference a bin each, and put the others into groups.

    Groups are drawn by the id, and not by how often items occur: else the reference would fit the
    bins better than any later window does.
    """
    counts = known.filter("reference").group_by("item").len()
    least = pl.col("len") >= LARGE * pl.col("len").sum()
    large = counts.filter(least)["item"].to_list()
    items = known.select("item").unique().sort("item")
    group = pl.format("group {}", pl.col("item").hash(seed=0) % GROUPS)
    named = pl.when(pl.col("item").is_in(large)).then(pl.col("item")).otherwise(group)
    return items.with_columns(bin=named)


def _largest(described: pl.DataFrame, column: str) -> pl.DataFrame:
    """Give the most frequent values of the reference a bin each, and the others one together."""
    counts = described.filter("reference").group_by(column).len().sort("len", column)
    large = counts.tail(CATEGORIES)[column].to_list()
    named = pl.when(pl.col(column).is_in(large)).then(pl.col(column)).otherwise(pl.lit("others"))
    return described.select(column).unique().sort(column).with_columns(bin=named)


def _binned(events: pl.DataFrame, bins: pl.DataFrame, size: int, *, by: str = "item") -> Counts:
    names = bins["bin"].unique().sort()
    codes = pl.DataFrame({"bin": names, CODE: np.arange(len(names))})
    coded = events.join(bins, on=by).join(codes, on="bin")
    return Counts(_summed(coded["row"], coded[CODE], size, len(names)), tuple(names.to_list()))


def _cut(values: pl.DataFrame, begins: tuple[float, ...], size: int) -> Counts:
    """Count values (columns row and value) between given numbers."""
    code = np.searchsorted(begins, values["value"].to_numpy(), side="right") - 1
    code = np.clip(code, 0, len(begins) - 1)
    ends = (*(f"to {end:g}" for end in begins[1:]), "more")
    names = tuple(f"{begin:g} {end}" for begin, end in zip(begins, ends, strict=True))
    return Counts(_summed(values["row"], code, size, len(begins)), names)


def _lists(slates: pl.DataFrame, size: int) -> dict[str, Counts]:
    """Count best scores and entropies of lists between quantiles of the reference's."""
    share = pl.element().exp() / pl.element().exp().sum()
    top = pl.col("scores").list.max()
    shifted = pl.col("scores").list.eval(pl.element() - pl.element().max()).list.eval(share)
    entropy = shifted.list.eval(-(pl.element() * pl.element().log()).fill_nan(0)).list.sum()
    made = {}
    for name, value in (("scores", top), ("entropy", entropy)):
        values = slates.select("row", "reference", value=value).drop_nulls()
        cuts = values.filter("reference")["value"].to_numpy()
        levels = np.linspace(0, 1, QUANTILES + 1)[:-1]
        begins = np.unique(np.quantile(cuts, levels)) if len(cuts) else np.zeros(1)
        made[name] = _cut(values, tuple(begins.tolist()), size)
    return made


def _calibration(slates: pl.DataFrame, size: int) -> Counts | None:
    """Sum 1 / (propensity x free candidates) of the slots that were drawn: its mean is 1.

    A slot's propensity p is that of one of m free candidates, and the mean of 1 / p over draws is
    the number of candidates that can be drawn (Horvitz and Thompson 1952).
    """
    drawn = slates.filter(pl.col("candidates").list.len() > 0).select(
        "row",
        "propensities",
        pl.col("candidates").list.len().alias("size"),
        pl.int_ranges(0, pl.col("propensities").list.len()).alias("slot"),
    )
    slots = drawn.explode("propensities", "slot").drop_nulls()
    if not len(slots):
        return None
    free = (pl.col("size").cast(pl.Int64) - pl.col("slot")).clip(1)
    weight = slots.select("row", value=1 / (pl.col("propensities") * free))
    sums = np.bincount(weight["row"].to_numpy(), weight["value"].to_numpy(), size)
    return Counts(np.stack([sums, np.bincount(weight["row"].to_numpy(), minlength=size)], 1), (), 1)


def _rate(counted: pl.DataFrame, all_: pl.DataFrame, size: int) -> Counts:
    parts = [np.bincount(each["row"].to_numpy(), minlength=size) for each in (counted, all_)]
    return Counts(np.stack(parts, axis=1).astype(np.float64))


def _summed(row: pl.Series, code: NDArray | pl.Series, size: int, bins: int) -> Floats:
    flat = row.to_numpy().astype(np.int64) * bins + np.asarray(code)
    return np.bincount(flat, minlength=size * bins).reshape(size, bins).astype(np.float64)
