"""A source of seven rows, prepared, and the sequences that a store has."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from seqrec.config.schema import Prepare
from seqrec.raw.source import Interactions
from seqrec.store.prepare import prepare
from seqrec.store.store import SequenceStore

ROWS = [  # user, item, time, rating, in file order
    ("b", "x", 30, 5.0),
    ("a", "y", 20, 4.0),
    ("b", "z", 10, 1.0),
    ("a", "x", 20, 3.0),
    ("b", "x", 40, 2.0),
    ("c", "z", 5, 5.0),
    ("b", "x", 40, 4.0),
]
SCHEMA = {"user": pl.String, "item": pl.String, "timestamp": pl.Int64, "rating": pl.Float32}


@dataclass(frozen=True, kw_only=True)
class Table:
    """A source of a few rows."""

    rows: tuple = tuple(ROWS)
    columns: tuple[str, ...] = tuple(SCHEMA)

    name = "table"

    def files(self) -> list[Path]:
        return []

    def read(self) -> Interactions:
        frame = pl.DataFrame(list(self.rows), schema=SCHEMA, orient="row")
        items = pl.LazyFrame({"item": ["x", "x"], "title": ["The X", "no"], "size": [1, 2]})
        return Interactions(frame.select(self.columns).lazy(), items, {"missing id": 2})


def sequences(store: SequenceStore) -> dict[str, list[str]]:
    names = dict(store.items().select("index", "item").iter_rows())
    return {
        user: [names[i] for i in store.item[store.offset[u] : store.offset[u + 1]]]
        for u, user in store.users().iter_rows()
    }


def prepared(
    tmp_path: Path, columns: tuple[str, ...] = tuple(SCHEMA), **settings: object
) -> SequenceStore:
    return prepare(Table(columns=columns), Prepare(**settings), tmp_path)  # type: ignore[arg-type]
