"""Retailrocket: views, carts and purchases of an online shop in 2015, by visitor."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import polars as pl

from seqrec.data.source import Interactions
from seqrec.errors import ConfigError
from seqrec.raw.context import Context
from seqrec.raw.formats import MISFIT, Delimited
from seqrec.raw.local import find, find_optional, must_have
from seqrec.raw.read import check_file, take_events

KINDS = ("view", "addtocart", "transaction")
PROPERTIES = ("item_properties_part1.csv", "item_properties_part2.csv")
FORM = Delimited(",")


@dataclass(frozen=True, kw_only=True)
class Retailrocket:
    """The file ``events.csv``: timestamp (ms), visitorid, event, itemid, transactionid.

    The kind of an event is context, called ``event``. With ``item_properties_part1.csv`` and
    ``part2`` in the folder items have the feature category, the latest that is published. The full
    file has 1,407,580 visitors, 235,061 items and 2,756,101 events.

    Args:
        kinds: of events that are read: view, addtocart, transaction.
        raw_dir: folder that has the files, gzipped or not.
        max_bad_rows: largest share of malformed rows that is dropped.
    """

    has_ratings: ClassVar[bool] = False

    kinds: list[str] = field(default_factory=lambda: list(KINDS))
    raw_dir: str | None = None
    max_bad_rows: float = 0.01

    def __post_init__(self) -> None:
        wrong = [kind for kind in self.kinds if kind not in KINDS]
        if wrong or not self.kinds:
            raise ConfigError(
                f"kinds={list(self.kinds)}: there are {', '.join(KINDS)}", where="data.kinds"
            )

    @property
    def name(self) -> str:
        """See :class:`~seqrec.data.source.Source`."""
        some = [kind for kind in KINDS if kind in self.kinds]
        return "-".join(["retailrocket", *(some if len(some) < len(KINDS) else [])])

    def files(self) -> list[Path]:
        """See :class:`~seqrec.data.source.Source`; the tables of properties last, if any."""
        where = "https://www.kaggle.com/datasets/retailrocket/ecommerce-dataset"
        folder = must_have(self.raw_dir, name="Retailrocket", where=where)
        parts = [find_optional(folder, [name]) for name in PROPERTIES]
        return [find(folder, ["events.csv"]), *(part for part in parts if part)]

    def read(self) -> Interactions:
        """See :class:`~seqrec.data.source.Source`."""
        path, *properties = self.files()
        needed = {"user": "visitorid", "item": "itemid", "timestamp": "timestamp", "kind": "event"}
        check_file(path, FORM, needed)
        events = FORM.scan(path)
        if set(self.kinds) != set(KINDS):
            events = events.filter(pl.col("event").is_in(list(self.kinds)))
        table, rejected = take_events(
            path,
            events.with_columns(timestamp=pl.col("timestamp").cast(pl.Int64, strict=False)),
            user="visitorid",
            item="itemid",
            timestamp="timestamp",
            context={"event": Context("event")},
            time_unit="ms",
            max_bad_rows=self.max_bad_rows,
        )
        return Interactions(table, _categories(properties) if properties else None, rejected)


def _categories(paths: list[Path]) -> pl.LazyFrame:
    """The latest category of each item."""
    needed = {"item": "itemid", "time": "timestamp", "property": "property", "value": "value"}
    for path in paths:
        check_file(path, FORM, needed, one="property")
    return (
        pl.concat([FORM.scan(path).drop(MISFIT) for path in paths])
        .filter(pl.col("property") == "categoryid")
        .sort(pl.col("timestamp").cast(pl.Int64, strict=False), descending=True, nulls_last=True)
        .unique("itemid", keep="first", maintain_order=True)
        .select(
            pl.col("itemid").alias("item"),
            pl.lit(None, pl.String).alias("title"),
            pl.col("value").alias("category"),
        )
    )
