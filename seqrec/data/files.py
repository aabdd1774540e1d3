"""Your own interactions: CSV, TSV, Parquet or JSON lines, gzipped or not."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from seqrec.data._options import one_of
from seqrec.data._urls import check_urls
from seqrec.errors import ConfigError, DataError
from seqrec.raw.get.local import must_exist
from seqrec.raw.parse.checks import check_readable
from seqrec.raw.parse.chosen import Chosen, left_out, wanted
from seqrec.raw.parse.clock import Clock
from seqrec.raw.parse.columns import described
from seqrec.raw.parse.context import Context, declared
from seqrec.raw.parse.derived import Derived
from seqrec.raw.parse.formats import QUOTES, Format, format_of
from seqrec.raw.parse.keep import of
from seqrec.raw.parse.numbers import SMALL, check_decimal, days, plain, unknown
from seqrec.raw.parse.order import check_order, ordered
from seqrec.raw.parse.parts import Parts, folder_columns, name_of, parts_of
from seqrec.raw.parse.read import join_events, read_events, texts
from seqrec.raw.parse.recognise import far_off, made_up
from seqrec.raw.parse.table import read_table
from seqrec.raw.source import Interactions
from seqrec.raw.spark.remote import is_url

if TYPE_CHECKING:
    from seqrec.raw.spark.scratch import Scratch

Events = tuple[pl.LazyFrame, dict[str, int], list[str]]  # and dropped rows by reason, and notes
Described = tuple[pl.LazyFrame | None, list[str]]  # a table, and notes on it


@dataclass(frozen=True, kw_only=True)
class Files:
    """A file of interactions and, optionally, tables of items and of users.

    The format follows the file's name (``.parquet``, ``.jsonl``; else delimited text).

    Args:
        path: the interactions; relative to `raw_dir` where that is given. A folder, or a pattern
            such as ``parts/*.csv``, names files that are read as one, in the order of their names.
            With ``prepare.engine=spark`` it may be a URL: ``s3://``, ``hdfs://``, ``file://``.
        user, item: names of the id columns.
        timestamp, rating: names of these columns; None if there are none. Without timestamps,
            file order is the order of events.
        context: context columns, categories by name or ``{name: number}``, for models with
            ``context=events``.
        time_unit: ``auto``, ``s``, ``ms``, ``us``, ``ns`` (since 1970 UTC), ``excel``,
            ``filetime``, ``ticks`` or ``iso``.
        time_format: a strftime format, ``day_first``, ``month_first``, ``year_first`` or
            ``month_name``; None: see `time_unit`.
        time_zone: of times without an offset, such as ``Europe/Berlin``; None means UTC.
        order: of events at the same time: ``file``, ``oldest_first`` or ``newest_first``, the file
            from its end.
        decimal: the decimal mark, ``.`` or ``,``, where numbers may have separated thousands;
            None: numbers are plain, as 1234.5.
        where: values by column, ``{event: [purchase, cart]}``; other events are left out.
        separator: of delimited text; ``auto`` takes what is as frequent in most first lines.
        quote: what a ``"`` is in delimited text: ``double``: cells that begin with one go on to the
            next; ``auto``: the same, but a cell that swallows a row is refused; ``none``: text.
        header: whether the first line names the columns; if not, they are called 1, 2, 3, ...
        encoding: of text.
        valid_path, test_path: the later parts of a published split, in files as `path`, which then
            has the training events; for ``split=given``. Without `valid_path`, training events
            validate.
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
    time_format: str | None = None
    time_zone: str | None = None
    order: str = "file"
    decimal: str | None = None
    where: dict[str, Any] | None = None
    separator: str = "auto"
    quote: str = "auto"
    header: bool = True
    encoding: str = "utf-8"
    valid_path: str | None = None
    test_path: str | None = None
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
        if self.valid_path is not None and self.test_path is None:
            raise ConfigError(
                "a file of validation events is given, but none of test events",
                where="data.test_path",
                todo="set data.test_path to the file of test events, too",
            )
        declared(self.context)
        self._clock()
        check_urls([p for p in self._paths if p is not None], self.urls, vars(self))
        check_order(self.order)
        check_decimal(self.decimal)
        wanted(self.where or {})
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
    def urls(self) -> list[str]:
        """See :class:`~seqrec.raw.source.Distributed`; none: they are in local files."""
        return [path for path in self._paths if path is not None and is_url(path)]

    @property
    def _paths(self) -> tuple[str | None, ...]:
        return self.path, self.valid_path, self.test_path

    @property
    def name(self) -> str:
        """See :class:`~seqrec.raw.source.Source`."""
        return f"files-{name_of(self._local(self.path)).split('.')[0]}"

    def files(self) -> list[Path]:
        """See :class:`~seqrec.raw.source.Source`."""
        events = [self._local(p) for p in self._paths if p and not is_url(p)]
        tables = [self._local(p) for p in (self.items_path, self.users_path) if p]
        for path in tables:
            must_exist(path)
        return [*(part for path in events for part in parts_of(path)), *tables]

    def read(self) -> Interactions:
        """See :class:`~seqrec.raw.source.Source`."""
        if self.urls:
            raise DataError(
                f"only Spark reads {self.path}, and no update does",
                where="data.path",
                todo="set prepare.engine=spark, or copy the files to a disk and name their path",
            )
        parts = {at: self._events(path) for at, path in enumerate(self._paths) if path}
        events, rejected, _ = parts[0]
        if self.test_path is not None:
            events, rejected = join_events(
                (frame.with_columns(_part=pl.lit(at, pl.Int8)), bad)
                for at, (frame, bad, _) in parts.items()
            )
        notes = [note for *_, told in parts.values() for note in told]
        items, of_items = self._items()
        users, of_users = self._users()
        return Interactions(events, items, rejected, users, (*notes, *of_items, *of_users))

    def read_on_spark(self, tables: "Scratch") -> Interactions:
        """See :class:`~seqrec.raw.source.Distributed`."""
        from seqrec.raw.spark.read import read_parts
        from seqrec.raw.spark.typed import Plain

        roles = {name: getattr(self, name) for name in ("user", "item", "timestamp", "rating")}
        plain = Plain(
            {role: str(name) for role, name in roles.items() if name is not None},
            declared(self.context),
            unit=self.time_unit,
            separator=self.separator,
            quoted=self.quote != "none",
            max_bad_rows=self.max_bad_rows,
        )
        parts = {at: path for at, path in enumerate(self._paths) if path is not None}
        events, rejected = read_parts(parts, plain, tables)
        items, of_items = self._items()
        users, of_users = self._users()
        return Interactions(events, items, rejected, users, (*of_items, *of_users))  # type: ignore[arg-type]

    def _events(self, name: str) -> Events:
        parts = parts_of(self._local(name))
        forms = [self._part(part, self._local(name)) for part in parts]
        path, form = parts[0], forms[0]
        if len(parts) > 1:
            form = Parts(tuple(zip(parts, forms, strict=True)))
        context, notes = declared(self.context), []
        raw = form
        if self.where:
            notes += left_out(path, form, wanted(self.where))
            form = Chosen(form, wanted(self.where))
        if self.decimal:
            form = Derived(form, self._plain(context))
        events, rejected = read_events(
            path,
            form,
            user=str(self.user),
            item=str(self.item),
            timestamp=None if self.timestamp is None else str(self.timestamp),
            rating=None if self.rating is None else str(self.rating),
            context=context,
            time_unit=self._clock(),
            max_bad_rows=self.max_bad_rows,
        )
        events, on_order = ordered(events, self.order)
        notes += on_order
        if self.timestamp is not None:
            raw_times = partial(texts, path, raw, str(self.timestamp))
            times = events.select("timestamp")
            notes += made_up(times, self._clock(), raw_times)
            notes += far_off(times)
        for name, seen in context.items():
            if seen.kind == "number" and of(events, pl.col(name).is_null().mean())[0] > SMALL:
                notes += unknown(name, texts(path, raw, seen.column), self.decimal)
        return events, rejected, notes

    def _part(self, part: Path, path: Path) -> Format:
        form = self._format(part, header=self.header)
        check_readable(part, form)
        made = folder_columns(part, path)
        if made:
            present = form.columns(part)
            made = {name: value for name, value in made.items() if name not in present}
        return Derived(form, made) if made else form

    def _clock(self) -> Clock:
        return Clock(self.time_unit, self.time_format, self.time_zone)

    def _plain(self, context: Mapping[str, Context]) -> dict[str, pl.Expr]:
        """Return the columns of numbers, rewritten as plain ones."""
        assert self.decimal is not None
        numbers = [seen.column for seen in context.values() if seen.kind == "number"]
        if self.rating is not None:
            numbers.append(str(self.rating))
        made = {name: plain(name, self.decimal) for name in numbers}
        if self.timestamp is not None and self.decimal == ",":
            made[str(self.timestamp)] = days(str(self.timestamp))
        return made

    def _users(self) -> Described:
        if self.users_path is None:
            return None, []
        named = {"users_user": self.users_user}
        table = self._table(self.users_path, named, one="user")
        return described(table, {"user": self.users_user}, self.decimal, lists=False)

    def _items(self) -> Described:
        if self.items_path is None:
            return None, []
        named = {"items_item": self.items_item}
        if self.items_title is not None:
            named["items_title"] = self.items_title
        table = self._table(self.items_path, named, one="item")
        named_as = {"item": self.items_item, "title": self.items_title}
        return described(table, named_as, self.decimal)

    def _table(self, name: str, columns: dict[str, str], *, one: str) -> pl.DataFrame:
        path = self._local(name)
        form = self._format(path, header=True)
        return read_table(path, form, columns, one=one, max_bad_rows=self.max_bad_rows)

    def _format(self, path: Path, *, header: bool) -> Format:
        return format_of(
            path,
            separator=self.separator,
            quote=self.quote,
            header=header,
            encoding=self.encoding,
        )

    def _local(self, path: str) -> Path:
        return Path(self.raw_dir or "", path).expanduser()
