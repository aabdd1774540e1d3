"""Read a table of one item or user per row, described by columns of text."""

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path

import polars as pl

from seqrec.errors import DataError
from seqrec.raw.parse.checks import check_file, quote, tolerate
from seqrec.raw.parse.formats import MISFIT, Format, text_of
from seqrec.raw.parse.rows import Row
from seqrec.terminal.say import say

QUOTED = 3
CHUNK = 100_000  # rows that the careful way holds as Python objects
MISSING = "missing id"


def read_table(
    path: Path, form: Format, columns: Mapping[str, str], *, one: str, max_bad_rows: float
) -> pl.DataFrame:
    """Read the well-formed rows of a table, all columns as String, null where empty.

    Lists and objects are JSON text.

    Args:
        path: the file.
        form: its format.
        columns: config key -> name of a column it must have; the first has the ids.
        one: what each row describes, for messages.
        max_bad_rows: largest share of malformed rows that is left out, with a printed note.

    Raises:
        DataError: the file is empty or damaged, lacks a column, has two of a name or too many
            malformed rows.
    """
    check_file(path, form, columns, one=one)
    key = next(iter(columns.values()))
    names = form.columns(path, whole=True)
    _check_names(path, names)
    table = _fast(path, form, key, names)
    faults: Mapping[str, int] = {}
    if table is not None:
        missing = table[key].fill_null("").str.strip_chars() == ""
        faults, total = Counter({MISSING: missing.sum()} if missing.any() else {}), len(table)
        table = table.filter(~missing) if _are_few(path, faults, total, max_bad_rows) else None
    if table is None:
        table, faults, total = _careful(path, form, key, names, max_bad_rows)
    if table.is_empty():
        raise DataError(
            f"{path.name} has no rows", where=str(path), todo="fetch or copy the file again"
        )
    if faults:
        reasons = ", ".join(f"{count:,} {fault}" for fault, count in faults.items())
        say(f"skipped {sum(faults.values()):,} of {total:,} rows of {path.name}: {reasons}")
    text = pl.col(pl.String).str.strip_chars()
    return table.with_columns(pl.when(text != "").then(text).name.keep())


def _check_names(path: Path, names: list[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(
            f"{path.name} has more than one column called {', '.join(map(repr, twice))}",
            where=str(path),
            todo="give each column a name of its own",
        )


def _fast(path: Path, form: Format, key: str, names: list[str]) -> pl.DataFrame | None:
    """Read the whole file at once; None if anything about it needs a closer look."""
    try:
        frame = form.scan(path, names)
        schema = frame.collect_schema()
        text = [name for name in names if schema[name] == pl.String]
        doubts = [form.doubtful(pl.col(name), one_value=name == key) for name in text]
        misfit = pl.any_horizontal(MISFIT, *doubts).fill_null(False).alias(MISFIT)
        columns = [text_of(pl.col(name), schema[name]).alias(name) for name in names]
        table = frame.select(*columns, misfit).collect()
    except (pl.exceptions.PolarsError, OSError, UnicodeDecodeError):
        return None
    return None if table[MISFIT].any() else table.drop(MISFIT)


def _are_few(path: Path, faults: Mapping[str, int], total: int, max_bad_rows: float) -> bool:
    """Return whether so many malformed rows are dropped; if not, the careful way quotes them."""
    try:
        tolerate(path, faults, total, (), max_bad_rows)
    except DataError:
        return False
    return True


def _careful(
    path: Path, form: Format, key: str, names: list[str], max_bad_rows: float
) -> tuple[pl.DataFrame, Mapping[str, int], int]:
    """Read row by row, with the reason and the line of each malformed row."""
    faults: Counter[str] = Counter()
    quotes: list[str] = []
    good: list[pl.DataFrame] = []
    for chunk in _chunks(form.rows(path)):
        why = [_fault(row, key) for row in chunk]
        bad = [(row, fault) for row, fault in zip(chunk, why, strict=True) if fault]
        quotes += [quote(row.line, fault, row.text) for row, fault in bad[:QUOTED]]
        faults.update(fault for _, fault in bad)
        rows = [row.values for row, fault in zip(chunk, why, strict=True) if not fault]
        values = {name: [row.get(name) for row in rows] for name in names}
        good.append(pl.DataFrame(values, schema=dict.fromkeys(names, pl.String)))
    total = sum(map(len, good)) + faults.total()
    tolerate(path, faults, total, quotes[:QUOTED], max_bad_rows)
    table = pl.concat([pl.DataFrame(schema=dict.fromkeys(names, pl.String)), *good])
    return table, faults, total


def _fault(row: Row, key: str) -> str | None:
    usable = key not in row.nested and (row.values.get(key) or "").strip()
    return row.fault or (None if usable else MISSING)


def _chunks(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while chunk := list(islice(rows, CHUNK)):
        yield chunk
