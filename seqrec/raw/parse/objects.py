"""Files of lists that polars can't read as a whole because some of their lines are broken."""

from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import polars as pl

from seqrec.raw.parse.formats import SLICE, Delimited, JsonLines, Row
from seqrec.raw.parse.read import UnreadableError
from seqrec.raw.parse.text import DAMAGED

Result = TypeVar("Result")
Lines = tuple[Path, pl.LazyFrame, Sequence[Row]]  # a file, its well-formed lines, the broken ones


def objects(path: Path, **options: Any) -> tuple[pl.LazyFrame, list[Row]]:
    """Return the objects of all well-formed lines, and the broken lines.

    Args:
        path: the file.
        options: of :func:`polars.read_ndjson`, such as its ``schema``.
    """
    frames, broken = [], []
    rows = JsonLines().rows(path)
    while chunk := list(islice(rows, SLICE)):
        broken += [row for row in chunk if row.fault is not None]
        whole = "\n".join(row.text for row in chunk if row.fault is None)
        frames.append(pl.read_ndjson(whole.encode(), **options))
    return pl.concat(frames).lazy(), broken


def read_lines(
    paths: Sequence[Path], form: Delimited, read: Callable[[list[Lines]], Result]
) -> Result:
    """Return what `read` makes of files of delimited text: at once if they are clean.

    Args:
        paths: the files.
        form: their format.
        read: is given all lines of each file, scanned; if it finds them unreadable, it is called
            again, with the well-formed lines and the broken ones.
    """
    try:
        return read([(path, form.scan(path), ()) for path in paths])
    except (UnreadableError, *DAMAGED):
        return read([(path, *_lines(path, form)) for path in paths])


def _lines(path: Path, form: Delimited) -> tuple[pl.LazyFrame, list[Row]]:
    names = form.columns(path)
    frames, broken = [pl.DataFrame(schema=dict.fromkeys(names, pl.String))], []
    rows = form.rows(path)
    while chunk := list(islice(rows, SLICE)):
        broken += [row for row in chunk if row.fault is not None]
        good = [row.values for row in chunk if row.fault is None]
        values = {name: [row[name] for row in good] for name in names}
        frames.append(pl.DataFrame(values, schema=dict.fromkeys(names, pl.String)))
    return pl.concat(frames).lazy(), broken
