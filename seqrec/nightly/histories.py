"""The histories of many users, a block of users at a time, from prepared data or from a file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray
from polars.exceptions import PolarsError

from seqrec.bundle.batch import TIME, UNKNOWN_TIME
from seqrec.disk.manifest import sha256_of
from seqrec.errors import DataError
from seqrec.raw.ids import tidied
from seqrec.store.store import SequenceStore

EXAMPLE = (
    "write a Parquet file with a row for each user: user, and items, a list of original ids, "
    "oldest first"
)
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Block:
    """The histories of U users, E events one after another.

    Args:
        user: original ids.
        number_U: int64, indices in the data that the model was trained on; -1 where unknown.
        begin_U1: int64, where each user's events begin, and the end of the last.
        item_E: int64, indices of items, from 1; ids that the catalogue lacks are left out.
        event: further columns by name, in the model's codes and units.
    """

    user: pl.Series
    number_U: Ints
    begin_U1: Ints
    item_E: Ints
    event: dict[str, NDArray[Any]]

    @property
    def lengths(self) -> Ints:
        """Number of events of each user."""
        return np.diff(self.begin_U1)

    def padded(self, row_B: Ints, longest: int) -> dict[str, NDArray[Any]]:
        """Return the latest events of some users, (B, L) by column, padded on the right with 0."""
        length_B = np.minimum(self.lengths[row_B], longest)
        start_B = self.begin_U1[row_B + 1] - length_B
        place_L = np.arange(length_B.max())
        valid_BL = place_L < length_B[:, None]
        at_BL = np.where(valid_BL, start_B[:, None] + place_L, 0)
        columns = {"item": self.item_E, **self.event}
        padding = {TIME: UNKNOWN_TIME}
        arrays = {
            n: np.where(valid_BL, v[at_BL], padding.get(n, _unknown(v))) for n, v in columns.items()
        }
        return arrays | {"length": length_B, "user": self.number_U[row_B]}

    def seen(self, row_B: Ints) -> tuple[Ints, Ints]:
        """Return pairs of a row and an item: all items of the histories, once each."""
        place_U = np.full(len(self.user), -1)
        place_U[row_B] = np.arange(len(row_B))
        row_E = place_U[np.repeat(np.arange(len(self.user)), self.lengths)]
        size = int(self.item_E.max(initial=0)) + 1
        pair_P = np.unique((row_E * size + self.item_E)[row_E >= 0])
        return np.divmod(pair_P, size)


class Histories(Protocol):
    """The histories of `len` users; `sha` is the hash of all of them."""

    sha: str

    def __len__(self) -> int: ...

    def block(self, first: int, last: int) -> Block:
        """Return the histories of the users ``first .. last - 1``."""
        ...


class Stored:
    """The histories of prepared data, whose items and users are those of the model.

    Args:
        folder: of the store.
        wanted: columns of the events that the model reads.
    """

    def __init__(self, folder: Path, wanted: Sequence[str]) -> None:
        self.store, self.wanted = SequenceStore(folder), wanted
        self.sha = self.store.data_hash
        own = {TIME: self.store.timestamp, "rating": self.store.rating}
        self._column: dict[str, Any] = {name: (own | self.store.context)[name] for name in wanted}

    def __len__(self) -> int:
        return self.store.n_users

    def block(self, first: int, last: int) -> Block:
        """Return the histories of the users ``first .. last - 1``."""
        begin_U1 = np.asarray(self.store.offset[first : last + 1])
        events = slice(begin_U1[0], begin_U1[-1])
        column = {name: np.asarray(values[events]) for name, values in self._column.items()}
        return Block(
            self.store.users()["user"][first:last],
            np.arange(first, last),
            begin_U1 - begin_U1[0],
            self.store.item[events].astype(np.int64),
            {n: v if v.dtype.kind == "f" else v.astype(np.int64) for n, v in column.items()},
        )


class Filed:
    """The histories of a Parquet file: a row for each user.

    It has the columns ``user``; ``items``, a list of original ids, oldest first; and, if the model
    reads columns of the events, lists of as many values: texts of categories, numbers, and for
    ``timestamp`` times or milliseconds.

    Args:
        file: its path.
        ids: original ids of the items 1, 2, ...
        categories: of each column of the events that the model reads, the names of the codes 1, 2,
            ...; None for numbers and times.

    Raises:
        DataError: it can't be read, isn't such a table, or has a user twice.
    """

    def __init__(
        self, file: Path, ids: pl.Series, categories: Mapping[str, list[str] | None]
    ) -> None:
        self.file, self.categories = file, categories
        index = pl.int_range(1, len(ids) + 1, eager=True)
        self._ids = pl.DataFrame({"id": ids, "index": index})
        try:
            self._rows = pl.scan_parquet(file)
            self._check(self._rows.collect_schema())
            user = self._rows.select(pl.col("user").cast(pl.String)).collect()["user"]
            self.sha = sha256_of(file)
        except (OSError, PolarsError) as error:
            raise DataError(
                f"the file of users can't be read: {str(error).partition(chr(10))[0]}",
                where=f"users={file}",
                todo=EXAMPLE,
            ) from error
        if user.null_count() or user.n_unique() < len(user):
            twice = user.filter(user.is_duplicated() | user.is_null()).head(1).to_list()
            raise DataError(
                f"the file has the user {twice[0]!r} more than once, or one without an id",
                where=f"users={file}",
                todo="write one row for each user",
            )
        self._n = len(user)
        if not self._n:
            raise DataError("the file has no users", where=f"users={file}", todo=EXAMPLE)

    def __len__(self) -> int:
        return self._n

    def block(self, first: int, last: int) -> Block:
        """Return the histories of the users ``first .. last - 1``."""
        rows = self._rows.slice(first, last - first).collect()
        names = [name for name in self.categories if name in rows.columns]
        table = rows.select(pl.int_range(pl.len()).alias("row"), "items", *names)
        try:
            table = table.filter(pl.col("items").list.len() > 0).explode("items", *names)
        except PolarsError as error:
            raise DataError(
                f"of the users {first:,} to {last - 1:,}, one has lists of different lengths",
                where=f"users={self.file}",
                todo=f"write as many values of {', '.join(names)} as items, null where unknown",
            ) from error
        index = self._found(table["items"].cast(pl.String))
        table = table.with_columns(index=index).filter(pl.col("index").is_not_null())
        count_U = np.bincount(table["row"].to_numpy(), minlength=len(rows))
        item_E = table["index"].to_numpy().astype(np.int64)
        return Block(
            rows["user"].cast(pl.String),
            np.full(len(rows), -1),
            np.concatenate([[0], np.cumsum(count_U)]),
            item_E,
            {name: self._values(name, table) for name in self.categories},
        )

    def _found(self, ids: pl.Series) -> pl.Series:
        """Return the index of each id, by the rule of ids, null where the catalogue lacks it."""
        spelled = pl.DataFrame({"id": ids, "tidy": tidied(ids)})
        for name in ("id", "tidy"):
            known = self._ids.rename({"id": name, "index": f"of_{name}"})
            spelled = spelled.join(known, on=name, how="left", maintain_order="left")
        return spelled.select(pl.coalesce("of_id", "of_tidy")).to_series()

    def _values(self, name: str, table: pl.DataFrame) -> NDArray[Any]:
        """Return a column of the events as a model reads it."""
        names = self.categories[name]
        if name == TIME:
            given = table.get_column(name, default=pl.Series([None] * len(table), dtype=pl.Int64))
            given = given.dt.epoch("ms") if given.dtype.is_temporal() else given.cast(pl.Int64)
            return given.fill_null(UNKNOWN_TIME).to_numpy()
        if name not in table.columns:
            return np.full(len(table), 0 if names is not None else np.float32(np.nan))
        if names is None:
            return table[name].cast(pl.Float32).fill_null(float("nan")).to_numpy()
        codes = pl.int_range(1, len(names) + 1, eager=True)
        text = table[name].cast(pl.String)
        return (
            text.replace_strict(names, codes, default=0, return_dtype=pl.Int64)
            .fill_null(0)
            .to_numpy()
        )

    def _check(self, schema: pl.Schema) -> None:
        if "user" not in schema or not isinstance(schema.get("items"), pl.List):
            told = ", ".join(f"{name} ({kind})" for name, kind in schema.items())
            raise DataError(
                f"the file has the columns {told}", where=f"users={self.file}", todo=EXAMPLE
            )
        foreign = [name for name in schema if name not in ("user", "items", *self.categories)]
        flat = [n for n in self.categories if not isinstance(schema.get(n, pl.List), pl.List)]
        if foreign or flat:
            wanted = ", ".join(self.categories) or "only user and items"
            raise DataError(
                f"{(foreign or flat)[0]} isn't a list that the model reads; it takes {wanted}",
                where=f"users={self.file}",
                todo="leave this column out, or write it as a list of values, one for each item",
            )


def _unknown(values: NDArray[Any]) -> float:
    return float("nan") if values.dtype.kind == "f" else 0
