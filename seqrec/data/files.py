"""Your own interactions: CSV, TSV, Parquet or JSON lines, gzipped or not."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import polars as pl

from seqrec.data._options import one_of
from seqrec.errors import ConfigError
from seqrec.raw.get.local import must_exist
from seqrec.raw.parse.context import declared
from seqrec.raw.parse.formats import QUOTES, Format, JsonLines, Parquet, text_format
from seqrec.raw.parse.read import read_events
from seqrec.raw.parse.table import read_table
from seqrec.raw.source import Interactions

BY_SUFFIX: dict[str, Format] = {
    ".jsonl": JsonLines(),
    ".json": JsonLines(),
    ".ndjson": JsonLines(),
    ".parquet": Parquet(),
    ".pq": Parquet(),
}  # everything else is delimited text


@dataclass(frozen=True, kw_only=True)
class Files:
    """A file of interactions and, optionally, tables of items and of users.

    The format follows the file's name (``.parquet``, ``.jsonl``; else delimited text).

    Args:
        path: the interactions; relative to `raw_dir` where that is given.
        user, item: names of the id columns.
        timestamp, rating: names of these columns; None if there are none. Without timestamps,
            file order is the order of events.
        context: context columns, categories by name or ``{name: number}``, for models with
            ``context=events``.
        time_unit: ``auto``, ``s``, ``ms``, ``us`` (since 1970 UTC) or ``iso``.
        separator: of delimited text; ``auto`` takes what is as frequent in most first lines.
        quote: what a ``"`` is in delimited text: ``double``: cells that begin with one go on to the
            next; ``auto``: the same, but a cell that swallows a row is refused; ``none``: text.
        header: whether the first line names the columns; if not, they are called 1, 2, 3, ...
        encoding: of text.
        items_path: table of items, in any of these formats.
        items_item, items_title: its columns of ids and titles; the rest are features.
        users_path: table of users, likewise.
        users_user: its column of ids; the rest are attributes.
        raw_dir: folder of these paths.
        max_bad_rows: largest share of malformed rows that is dropped.
    """

    path: str
    user: str | int = "user_id"
    item: str | int = "item_id"
    timestamp: str | int | None = "timestamp"
    rating: str | int | None = None
    context: list[str | dict[str, Any]] = field(default_factory=list)
    time_unit: str = "auto"
    separator: str = "auto"
    quote: str = "auto"
    header: bool = True
    encoding: str = "utf-8"
    items_path: str | None = None
    items_item: str = "item_id"
    items_title: str | None = "title"
    users_path: str | None = None
    users_user: str = "user_id"
    raw_dir: str | None = None
    max_bad_rows: float = 0.01

    def __post_init__(self) -> None:
        if str(self.user) == str(self.item):
            raise ConfigError(
                f"data.user and data.item name the same column, {self.user!r}",
                where="data.item",
                todo="name the column of users and the column of items",
            )
        declared(self.context)
        one_of("quote", self.quote, QUOTES)
        if not self.separator:
            raise ConfigError(
                "the separator is empty",
                where="data.separator",
                todo="set data.separator=auto, or to the character between the columns",
            )
        try:
            "".encode(self.encoding)
        except LookupError as error:
            raise ConfigError(
                f"unknown text encoding {self.encoding!r}",
                where="data.encoding",
                todo="set data.encoding=utf-8, or latin-1, cp1252, ...",
            ) from error

    @property
    def name(self) -> str:
        """See :class:`~seqrec.raw.source.Source`."""
        return f"files-{self._local(self.path).name.split('.')[0]}"

    def files(self) -> list[Path]:
        """See :class:`~seqrec.raw.source.Source`."""
        given = (self.path, self.items_path, self.users_path)
        paths = [self._local(path) for path in given if path is not None]
        for path in paths:
            must_exist(path)
        return paths

    def read(self) -> Interactions:
        """See :class:`~seqrec.raw.source.Source`."""
        path = self.files()[0]
        events, rejected = read_events(
            path,
            self._format(path, header=self.header),
            user=str(self.user),
            item=str(self.item),
            timestamp=None if self.timestamp is None else str(self.timestamp),
            rating=None if self.rating is None else str(self.rating),
            context=declared(self.context),
            time_unit=self.time_unit,
            max_bad_rows=self.max_bad_rows,
        )
        return Interactions(events, self._items(), rejected, self._users())

    def _users(self) -> pl.LazyFrame | None:
        if self.users_path is None:
            return None
        path, columns = self._local(self.users_path), {"users_user": self.users_user}
        form = self._format(path, header=True)
        table = read_table(path, form, columns, one="user", max_bad_rows=self.max_bad_rows)
        return table.lazy().select(
            pl.col(self.users_user).alias("user"), pl.exclude(self.users_user, "user", "index")
        )

    def _items(self) -> pl.LazyFrame | None:
        if self.items_path is None:
            return None
        path = self._local(self.items_path)
        form = self._format(path, header=True)
        columns = {"items_item": self.items_item}
        if self.items_title is not None:
            columns["items_title"] = self.items_title
        table = read_table(path, form, columns, one="item", max_bad_rows=self.max_bad_rows)
        title = pl.lit(None, pl.String) if self.items_title is None else pl.col(self.items_title)
        return table.lazy().select(
            pl.col(self.items_item).alias("item"),
            title.alias("title"),
            pl.exclude(*columns.values(), "item", "title"),
        )

    def _format(self, path: Path, *, header: bool) -> Format:
        suffix = Path(path.name.removesuffix(".gz")).suffix.lower()
        if suffix in BY_SUFFIX:
            form = BY_SUFFIX[suffix]
            return replace(form, encoding=self.encoding) if isinstance(form, JsonLines) else form
        return text_format(
            path,
            separator=self.separator,
            quote=self.quote,
            header=header,
            encoding=self.encoding,
        )

    def _local(self, path: str) -> Path:
        return Path(self.raw_dir or "", path).expanduser()
