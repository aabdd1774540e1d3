"""JSON lines of lists and objects that polars can't read as a whole because some are broken."""

from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl

from seqrec.raw.parse.formats import SLICE, JsonLines, Row


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
