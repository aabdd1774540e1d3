"""Check what a file holds before it is read, and how many of its rows are malformed."""

from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path

import polars as pl

from seqrec.errors import ConfigError, DataError
from seqrec.raw.get.local import must_exist
from seqrec.raw.parse.formats import WRONG_COUNT, Delimited, Format, Parquet, innermost
from seqrec.raw.parse.hints import missing_columns
from seqrec.raw.parse.text import HEAD, inspect, reading, refuse_replaced

FIRST = 20  # rows that show how wide a file is


def check_file(path: Path, form: Format, columns: Mapping[str, str], one: str = "event") -> None:
    """Check that a file is readable and has the columns.

    Args:
        path: the file.
        form: its format.
        columns: config key -> name of a column it must have; ``context NAME`` for a context column.
        one: what each row is.

    Raises:
        DataError: the file doesn't exist, is empty or binary, or lacks a column, has two of that
            name, or has lists or objects in it.
    """
    check_readable(path, form)
    _check_width(path, form)
    present, nested = form.columns(path), form.nested(path)
    if not set(columns.values()) <= set(present):
        present = form.columns(path, whole=True)
    if not set(columns.values()) <= set(present):
        raise missing_columns(path, form, columns, present)
    for role, name in columns.items():
        key = f"data.{role.split()[0]}"
        if present.count(name) > 1:
            raise DataError(
                f"{path.name} has {present.count(name)} columns called {name!r}",
                where=str(path),
                todo=f"rename all but the one that {key} means",
            )
        if name in nested:
            raise DataError(
                f"column {name} holds lists or objects, but each row must hold one {one}",
                where=str(path),
                todo=f"rewrite the file with one {one} per row, or name another column with {key}",
            )


def _check_width(path: Path, form: Format) -> None:
    """Raise a DataError if all of the first rows are wider or narrower than the columns."""
    form = innermost(form)
    if not isinstance(form, Delimited) or form.names is None:
        return
    first = list(islice(form.rows(path), FIRST))
    if not first or any(row.fault != WRONG_COUNT for row in first):
        return
    cells = first[0].text.split(form.separator)
    raise DataError(
        f"{path.name} has {len(cells)} column{'s' * (len(cells) > 1)} where there should be "
        f"{len(form.names)}: {', '.join(form.names)}",
        where=f"{path}\n    {quote(first[0].line, WRONG_COUNT, first[0].text)}",
        todo="use the version of the file that has these columns",
    )


def check_readable(path: Path, form: Format) -> None:
    """Raise a DataError if a file doesn't exist, is empty or binary, or is damaged."""
    if isinstance(innermost(form), Parquet):
        _check_parquet(path)
    else:
        inspect(path, getattr(innermost(form), "encoding", "utf-8"))


def tolerate(
    path: Path, faults: Mapping[str, int], total: int, quotes: Iterable[str], max_bad_rows: float
) -> None:
    """Accept `faults` (rows by reason) among `total` rows, up to the share `max_bad_rows`.

    Raises:
        DataError: there are more; the message quotes some.
    """
    if not 0 <= max_bad_rows <= 1:
        raise ConfigError(
            f"max_bad_rows={max_bad_rows} must be between 0 and 1", where="data.max_bad_rows"
        )
    bad = sum(faults.values())
    if bad <= max_bad_rows * total:
        return
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in faults.items())
    raise DataError(
        f"{bad:,} of {total:,} rows of {path.name} are malformed ({reasons}), "
        f"more than data.max_bad_rows={max_bad_rows:g} allows",
        where="\n    ".join([str(path), *quotes]),
        todo="repair the file, correct how it is read (data=files: separator, columns, "
        "time_format, decimal), or raise data.max_bad_rows",
    )


def quote(line: int, fault: str, text: str) -> str:
    """Format one malformed row for an error message."""
    return f"line {line:,} ({fault}): {text[:100]!r}"


def _check_parquet(path: Path) -> None:
    must_exist(path)
    with reading(path), path.open("rb") as stream:
        head = stream.read(HEAD)
    refuse_replaced(path, head)
    try:
        pl.scan_parquet(path).collect_schema()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DataError(
            f"{path.name} is not a Parquet file, or is cut off or damaged: {error}",
            where=str(path),
            todo="fetch or copy the file again",
        ) from error
