"""Retailrocket: views, carts and purchases of an online shop in 2015."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import polars as pl

from seqrec.data._options import named_by, some_of
from seqrec.raw.get.local import find, find_optional, must_have
from seqrec.raw.parse.checks import check_file
from seqrec.raw.parse.context import Context
from seqrec.raw.parse.derived import Derived
from seqrec.raw.parse.formats import Delimited
from seqrec.raw.parse.read import read_events
from seqrec.raw.parse.table import read_table
from seqrec.raw.source import Interactions

EVENT_TYPES = ("view", "addtocart", "transaction")
PROPERTIES = ("item_properties_part1.csv", "item_properties_part2.csv")
CSV = Delimited(",")


@dataclass(frozen=True, kw_only=True)
class Retailrocket:
    """The file ``events.csv``: ``timestamp,visitorid,event,itemid,transactionid``.

    Times are in milliseconds. The type of an event, view, addtocart or transaction, is context,
    called event. With ``item_properties_part1.csv`` and ``item_properties_part2.csv``
    (``timestamp,itemid,property,value``) in the folder, items have the feature categoryid, the
    first one recorded: later ones would leak the future.

    Args:
        kinds: events to read: view, addtocart, transaction.
        raw_dir: folder with the files, gzipped or not.
        max_bad_rows: largest share of malformed rows that is dropped.

    Raises:
        ConfigError: an unknown kind.
    """

    has_ratings: ClassVar[bool] = False

    kinds: list[str] = field(default_factory=lambda: list(EVENT_TYPES))
    raw_dir: str | None = None
    max_bad_rows: float = 0.01

    def __post_init__(self) -> None:
        some_of("kinds", self.kinds, EVENT_TYPES)

    @property
    def name(self) -> str:
        """See :class:`~seqrec.raw.source.Source`."""
        return named_by("retailrocket", self.kinds, EVENT_TYPES)

    def files(self) -> list[Path]:
        """See :class:`~seqrec.raw.source.Source`; the properties last, if present."""
        where = "https://www.kaggle.com/datasets/retailrocket/ecommerce-dataset"
        folder = must_have(self.raw_dir, name="Retailrocket", where=where)
        tables = [find_optional(folder, [name]) for name in PROPERTIES]
        return [find(folder, ["events.csv"], where), *filter(None, tables)]

    def read(self) -> Interactions:
        """See :class:`~seqrec.raw.source.Source`."""
        path, *tables = self.files()
        unwanted = [kind for kind in EVENT_TYPES if kind not in self.kinds]
        known_item = pl.when(pl.col("event").is_in(EVENT_TYPES)).then(pl.col("itemid"))
        check_file(path, CSV, {"event": "event"})
        events, rejected = read_events(
            path,
            Derived(CSV, {"item_of_event": known_item}, without=pl.col("event").is_in(unwanted)),
            user="visitorid",
            item="item_of_event",
            timestamp="timestamp",
            context={"event": Context("event")},
            time_unit="ms",
            max_bad_rows=self.max_bad_rows,
        )
        return Interactions(events, self._categories(tables) if tables else None, rejected)

    def _categories(self, tables: list[Path]) -> pl.LazyFrame:
        columns = {name: name for name in ("itemid", "timestamp", "property", "value")}
        form = Derived(CSV, without=pl.col("property") != "categoryid")
        rows = [
            read_table(table, form, columns, one="property", max_bad_rows=self.max_bad_rows)
            for table in tables
        ]
        time = pl.col("timestamp").cast(pl.Int64, strict=False)
        return (
            pl.concat(rows)
            .lazy()
            .drop_nulls("value")
            .sort(time, maintain_order=True, nulls_last=True)
            .unique("itemid", keep="first", maintain_order=True)
            .select(
                pl.col("itemid").alias("item"),
                pl.lit(None, pl.String).alias("title"),
                pl.col("value").alias("categoryid"),
            )
        )
