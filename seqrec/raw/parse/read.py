"""Read interactions: fast if the file is clean, row by row if it isn't.

Malformed rows are counted by reason. Up to a given share they are dropped; beyond it the reader
stops and quotes three of them with their line numbers.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import polars as pl

from seqrec.disk.write import is_full
from seqrec.errors import DataError
from seqrec.raw.parse import clock
from seqrec.raw.parse.checks import check_file, quote, tolerate
from seqrec.raw.parse.clock import Clock
from seqrec.raw.parse.context import NOTHING, Context
from seqrec.raw.parse.formats import MISFIT, Format, Parquet, Row, innermost, text_of
from seqrec.raw.parse.keep import in_memory, keep, of, rows_of
from seqrec.raw.parse.recognise import recognised, settled
from seqrec.raw.parse.typed import fault_of, is_bad, typed

FAULT = "_fault"
SAMPLE = 1000  # rows inspected to distinguish numbers from ISO dates
CHUNK = 100_000  # rows that the careful way holds as Python objects
QUOTED = 3
AGAIN = "fetch or copy the file again"


def read_events(
    path: Path,
    form: Format,
    *,
    user: str,
    item: str,
    timestamp: str | None = None,
    rating: str | None = None,
    context: Mapping[str, Context] = NOTHING,
    time_unit: str | Clock = "auto",
    max_bad_rows: float = 0.01,
) -> tuple[pl.LazyFrame, dict[str, int]]:
    """Read interactions from named columns.

    Args:
        path: the file.
        form: its format.
        user, item, timestamp, rating: names of its columns; None if it has none.
        context: context columns to read, by name; an unusable value there is unknown and doesn't
            make the row malformed.
        time_unit: how times are written, a :class:`~seqrec.raw.parse.clock.Clock` or its unit;
            ``auto``: one form for the whole column, inferred from its content.
        max_bad_rows: largest share of malformed rows that is dropped.

    Returns:
        Columns user and item (Categorical or String; integers where a Parquet file has them), then
        timestamp (Int64, ms since 1970 UTC) and rating (Float32) if named, then the context (String
        or Float32, null where unknown), in file order; and the dropped rows by reason.

    Raises:
        DataError: the file is empty or damaged, lacks a column or has too many malformed rows.
    """
    roles = {"user": user, "item": item, "timestamp": timestamp, "rating": rating}
    columns = {role: name for role, name in roles.items() if name is not None}
    contexts = {f"context {name}": seen.column for name, seen in context.items()}
    check_file(path, form, columns | contexts)
    given = time_unit if isinstance(time_unit, Clock) else Clock(time_unit)
    where = f"column {timestamp} of {path}"
    read_by = given
    if timestamp:
        sample = [row.values.get(timestamp) for row in islice(form.rows(path), SAMPLE)]
        read_by = recognised(given, sample, lambda: texts(path, form, timestamp), where)
    file = _File(path, form, columns, context, max_bad_rows)
    frame, rejected = file.read(read_by)
    rows = rows_of(frame)
    if timestamp and rows:
        values = frame.select("timestamp")
        times = settled(values, read_by, given, where)
        if not clock.are_times(values, read_by, times):
            frame, rejected = file.read(times)
            rows = rows_of(frame)
        frame = keep(frame.with_columns(clock.to_ms(pl.col("timestamp"), times)), cheap=True)
    if not rows:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in rejected.items())
        raise DataError(
            f"all rows of {path.name} are malformed ({reasons})"
            if rejected
            else f"{path.name} has no rows",
            where=str(path),
            todo="correct separator, quotes, columns or the form of times" if rejected else AGAIN,
        )
    return frame, rejected


def texts(path: Path, form: Format, column: str) -> pl.Series:
    """Return a column as text, as it is in the file."""
    try:
        frame = form.scan(path, [column])
        text = text_of(pl.col(column), frame.collect_schema()[column])
        return frame.select(text).collect(engine="streaming").to_series()
    except (pl.exceptions.PolarsError, OSError, UnicodeDecodeError):
        return pl.Series([row.values.get(column) for row in form.rows(path)], dtype=pl.String)


class UnreadableError(DataError):
    """A file that can't be read as a whole."""


def take_events(
    path: Path,
    frame: pl.LazyFrame,
    *,
    user: str,
    item: str,
    timestamp: str,
    context: Mapping[str, Context] = NOTHING,
    time_unit: str,
    max_bad_rows: float,
    broken: Sequence[Row] = (),
) -> tuple[pl.LazyFrame, dict[str, int]]:
    """Read events like :func:`read_events`, from a frame of one event a row (made of lists).

    Args:
        path: the file that the frame was read from, for messages.
        frame: the events, with ``MISFIT`` if the format provides it.
        user, item, timestamp: names of its columns.
        context: see :func:`read_events`.
        time_unit: ``s``, ``ms``, ``us`` or ``iso``.
        max_bad_rows: largest share of malformed rows that is dropped.
        broken: lines without an event, which count as malformed rows.

    Raises:
        UnreadableError: the file is damaged, or a row has another shape than the rest.
        DataError: there are no events, or too many malformed ones.
    """
    columns = {"user": user, "item": item, "timestamp": timestamp}
    try:
        rows = typed(frame, columns, context, Clock(time_unit))
        misfit = MISFIT if MISFIT in rows.collect_schema() else pl.lit(False).alias(MISFIT)
        table = keep(rows.select(*columns, *context, misfit))
    except (pl.exceptions.PolarsError, OSError) as error:
        raise UnreadableError(
            f"{path.name} can't be read: {str(error).splitlines()[0]}",
            where=str(path),
            todo="correct or remove the rows that differ from the rest",
        ) from error
    misfits, total = of(table, pl.col(MISFIT).any(), pl.len())
    if misfits:
        raise UnreadableError(f"{path.name} has rows of another width", where=str(path))
    table = table.drop(MISFIT)
    if not total and not broken:
        raise DataError(f"{path.name} has no rows", where=str(path), todo=AGAIN)
    numbered = table.with_row_index("row", offset=1)
    bad = numbered.filter(is_bad(columns)).collect(engine="streaming")
    reasons = bad.select(fault_of(columns)).to_series().to_list()
    quotes = [quote(row.line, str(row.fault), row.text) for row in broken[:QUOTED]]
    quotes += [
        quote(row["row"], reason, str({role: row[role] for role in columns}))
        for row, reason in zip(bad.head(QUOTED).iter_rows(named=True), reasons, strict=False)
    ]
    faults = Counter([*(str(row.fault) for row in broken), *reasons])
    tolerate(path, faults, total + len(broken), quotes[:QUOTED], max_bad_rows)
    good = table.drop_nulls(list(columns))
    timed = good.with_columns(clock.to_ms(pl.col("timestamp"), Clock(time_unit)))
    return keep(timed, cheap=True), dict(faults)


def join_events(
    parts: Iterable[tuple[pl.LazyFrame, dict[str, int]]],
) -> tuple[pl.LazyFrame, dict[str, int]]:
    """Concatenate the events of several files of one kind, and sum their dropped rows."""
    frames, rejected = [], Counter[str]()
    for frame, bad in parts:
        frames.append(frame.with_columns(pl.col("user", "item").cast(pl.String)))
        rejected.update(bad)
    return pl.concat(frames), dict(rejected)


Table = tuple[pl.LazyFrame, dict[str, int]]  # columns by role, and the dropped rows by reason


@dataclass(frozen=True)
class _File:
    """A file of events, and what is read of it: ``columns`` by role, and the context by name."""

    path: Path
    form: Format
    columns: Mapping[str, str]
    context: Mapping[str, Context]
    max_bad_rows: float

    @property
    def names(self) -> list[str]:
        """The columns that are read, each once."""
        context = (seen.column for seen in self.context.values())
        return list(dict.fromkeys([*self.columns.values(), *context]))

    def read(self, times: Clock) -> Table:
        """Read the whole file at once if it is clean, else row by row."""
        return _fast(self, times) or _careful(self, times)


def _fast(file: _File, times: Clock) -> Table | None:
    """Read the whole file at once; None if anything about it needs a closer look."""
    columns, context = file.columns, file.context
    try:
        scan = file.form.scan(file.path, file.names)
        text = [name for name in file.names if scan.collect_schema()[name] == pl.String]
        doubts = [
            file.form.doubtful(pl.col(name), one_value=True).fill_null(False) for name in text
        ]
        scan = scan.with_columns(pl.any_horizontal(MISFIT, *doubts).alias(MISFIT))
        frame = typed(scan, columns, context, times).select(*columns, *context, MISFIT)
        if in_memory():  # a file has the texts: codes of one block say nothing in another
            ids = [role for role in ("user", "item") if frame.collect_schema()[role] == pl.String]
            category = (pl.col(role).cast(pl.Categorical(pl.Categories.random())) for role in ids)
            frame = frame.with_columns(category)
        table = keep(frame, cheap=isinstance(innermost(file.form), Parquet))
        bad = pl.col(MISFIT).any(), is_bad(columns).any(), pl.len()
        misfits, faulty, rows = of(table, *bad)
    except (pl.exceptions.PolarsError, OSError, UnicodeDecodeError) as error:
        if is_full(error):
            raise
        return None
    if misfits:
        return None
    table = table.drop(MISFIT)
    if not faulty:
        return table, {}
    reasons = table.filter(is_bad(columns)).select(fault_of(columns)).collect(engine="streaming")
    faults = Counter(reasons.to_series().to_list())
    try:
        tolerate(file.path, faults, rows, (), file.max_bad_rows)
    except DataError:
        return None  # the careful way quotes the lines
    return keep(table.drop_nulls(list(columns)), cheap=True), dict(faults)


def _careful(file: _File, times: Clock) -> Table:
    """Read row by row, with the reason and the line of each malformed row."""
    faults: Counter[str] = Counter()
    quotes: list[str] = []
    good: list[pl.LazyFrame] = []
    kept = 0
    columns, context = file.columns, file.context
    names = dict.fromkeys(file.names, pl.String)
    for chunk in _chunks(file.form.rows(file.path)):
        table = {
            name: [None if name in row.nested else row.values.get(name) for row in chunk]
            for name in names
        }
        extra = {
            FAULT: [row.fault for row in chunk],
            "_line": [row.line for row in chunk],
            "_text": [row.text[:200] for row in chunk],
        }
        schema = {**names, FAULT: pl.String, "_line": pl.Int64, "_text": pl.String}
        rows = typed(pl.LazyFrame(table | extra, schema=schema), columns, context, times)
        fault = pl.coalesce(FAULT, fault_of(columns)).alias(FAULT)
        frame = rows.with_columns(fault).collect()
        sound = frame.filter(pl.col(FAULT).is_null()).select(*columns, *context)
        kept += len(sound)
        good.append(keep(sound.lazy()))
        bad = frame.filter(pl.col(FAULT).is_not_null())
        faults.update(bad[FAULT].to_list())
        for line, fault, text in bad.select("_line", FAULT, "_text").head(QUOTED).iter_rows():
            quotes.append(quote(line, fault, text))
    tolerate(file.path, faults, kept + faults.total(), quotes[:QUOTED], file.max_bad_rows)
    if not good:
        raise DataError(f"{file.path.name} has no rows", where=str(file.path), todo=AGAIN)
    return keep(pl.concat(good), cheap=True), dict(faults)


def _chunks(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while chunk := list(islice(rows, CHUNK)):
        yield chunk
