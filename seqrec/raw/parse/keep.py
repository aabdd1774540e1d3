"""Where the tables of events are kept that a source reads: in memory, or in files."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import count
from pathlib import Path

import polars as pl

_FOLDER: ContextVar[Path | None] = ContextVar("folder", default=None)


@contextmanager
def keeping_in(folder: Path) -> Iterator[None]:
    """Keep tables in files of a folder, which exists, for as long as the context lasts.

    A table is then read from its file, block by block, whenever something is asked of it, so no
    more of it has to fit into memory.
    """
    token = _FOLDER.set(folder)
    try:
        yield
    finally:
        _FOLDER.reset(token)


def in_memory() -> bool:
    """Return whether tables are kept in memory."""
    return _FOLDER.get() is None


def keep(frame: pl.LazyFrame, *, cheap: bool = False) -> pl.LazyFrame:
    """Evaluate a frame once and keep its rows.

    Args:
        frame: what to keep.
        cheap: whether it costs little to evaluate it again whenever it is used: then no file is
            written for it.

    Raises:
        polars.exceptions.PolarsError, OSError: it can't be read, or the file can't be written.
    """
    folder = _FOLDER.get()
    if folder is None:
        return frame.collect(engine="streaming").lazy()
    if cheap:
        return frame
    path = next(p for n in count() if not (p := folder / f"{n}.parquet").exists())
    frame.sink_parquet(path, compression="lz4")
    return pl.scan_parquet(path)


def rows_of(frame: pl.LazyFrame) -> int:
    """Count the rows of a frame."""
    return int(of(frame, pl.len())[0])


def of(frame: pl.LazyFrame, *facts: pl.Expr) -> tuple:
    """Return the values of expressions that make one row of a frame, block by block."""
    named = [fact.alias(str(at)) for at, fact in enumerate(facts)]
    return frame.select(named).collect(engine="streaming").row(0)
