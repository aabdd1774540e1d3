"""The form of small published files: some events, and their texts and tables."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import polars as pl

EVENTS = [(7 + at // 4, 10 + at % 5, 1_400_000_000 + 3600 * at) for at in range(16)]
ITEMS = range(10, 15)
DAY = datetime(2019, 11, 15)


@dataclass(frozen=True)
class Published:
    """Files of a source, by name, and how they are written.

    Args:
        make: the source, given its folder of raw files and ``max_bad_rows``.
        files: their contents.
        separators: between the columns of a text file, for damage done to columns; files of other
            kinds aren't named.
        headed: files whose first line names the columns.
        latin: files that are published in Latin-1.
    """

    make: Callable
    files: dict[str, bytes]
    separators: dict[str, str]
    headed: frozenset[str] = frozenset()
    latin: frozenset[str] = frozenset()


def rows(separator: str, rows, header: str | None = None, encoding: str = "utf-8") -> bytes:
    lines = [separator.join(map(str, row)) for row in rows]
    return "".join(f"{line}\n" for line in [*([header] if header else []), *lines]).encode(encoding)


def parquet(**columns) -> bytes:
    stream = io.BytesIO()
    pl.DataFrame(columns).write_parquet(stream)
    return stream.getvalue()


def text(make, separators, files, *, headed=(), latin=()) -> Published:
    return Published(make, files, separators, frozenset(headed), frozenset(latin))
