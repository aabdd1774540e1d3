"""Benchmark text files of sequences without times: ``user item`` pairs, or one user a line."""

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import polars as pl

from seqrec.errors import ConfigError, DataError
from seqrec.raw.parse.checks import quote, tolerate
from seqrec.raw.parse.formats import BOM, WRONG_COUNT
from seqrec.raw.parse.read import QUOTED
from seqrec.raw.parse.text import inspect
from seqrec.raw.source import Interactions

NAME = re.compile(
    r"(user|session|visitor|customer|item|product|track|movie|rating|time|timestamp|date|sequence|"
    r"uid|iid|sid)s?([_ ]?(id|key|list|ids))?(:\w+)?",
    re.IGNORECASE,
)  # of a column, also as RecBole writes it, user_id:token
EVENT_WIDTHS = (3, 4)  # user item time, user item rating, user item rating time
SMALLEST_S = 1e8  # a number of a time since 1970 is larger
FORMATS = ("auto", "pairs", "users")
SAMPLE = 1000


@dataclass(frozen=True, kw_only=True)
class Sequences:
    """Whitespace-separated ids, in the order of events.

    Args:
        path: the file, gzipped or not; relative to `raw_dir` if that is given.
        format: ``pairs`` (``user item`` a line, as SASRec's files), ``users`` (``user item item
            ...`` a line, as S3-Rec's) or ``auto``: pairs if each of the first 1,000 lines has
            exactly two ids, else users. A first line of names is left out.
        raw_dir: folder of `path`.
        max_bad_rows: largest share of malformed lines that is dropped.
    """

    has_ratings: ClassVar[bool] = False

    path: str
    format: str = "auto"
    raw_dir: str | None = None
    max_bad_rows: float = 0.01

    def __post_init__(self) -> None:
        if self.format not in FORMATS:
            raise ConfigError(
                f"unknown sequence format {self.format!r}",
                where="data.format",
                todo=f"use one of {', '.join(FORMATS)}",
            )

    @property
    def name(self) -> str:
        """See :class:`~seqrec.raw.source.Source`."""
        return f"sequences-{self._file().name.split('.')[0]}"

    def files(self) -> list[Path]:
        """See :class:`~seqrec.raw.source.Source`."""
        inspect(self._file())
        return [self._file()]

    def read(self) -> Interactions:
        """See :class:`~seqrec.raw.source.Source`; no timestamps, no ratings.

        Raises:
            DataError: the lines have columns of times or ratings, or too many are malformed.
        """
        [path] = self.files()
        lines = self._lines(path)
        header = _header(lines)
        lines = lines.slice(len(header) > 0)
        if self.format == "auto":
            self._refuse_columns(lines.head(SAMPLE), header)
        pairs = self.format == "pairs" or (self.format == "auto" and _all_pairs(lines))
        width = pl.col("ids").list.len()
        fits = width == 2 if pairs else width >= 2
        bad = lines.filter(~fits)
        quotes = [
            quote(number, WRONG_COUNT, text)
            for number, text in bad.head(QUOTED).select("number", "line").iter_rows()
        ]
        faults = Counter({WRONG_COUNT: len(bad)} if len(bad) else {})
        tolerate(path, faults, len(lines), quotes, self.max_bad_rows)
        ids = pl.col("ids")
        events = lines.lazy().filter(fits).select(ids.list.first().alias("user"), ids.list.slice(1))
        names = (f"the first line, {' '.join(header)!r}, names columns",) if header else ()
        return Interactions(
            events.explode("ids").rename({"ids": "item"}), rejected=dict(faults), notes=names
        )

    def _refuse_columns(self, lines: pl.DataFrame, header: list[str]) -> None:
        """Raise a DataError if lines are events with times or ratings, not sequences.

        They are if all have three or four fields, and some share their user or end with a time.
        """
        [width, *others] = lines["ids"].list.len().unique().to_list() or [0]
        if others or width not in EVENT_WIDTHS:
            return
        last = lines["ids"].list.last().cast(pl.Float64, strict=False)
        are_times = bool((last > SMALLEST_S).all()) and not last.has_nulls()
        if not are_times and not lines["ids"].list.first().is_duplicated().any():
            return
        names = header or [str(n + 1) for n in range(width)]
        keys = {"user": names[0], "item": names[1], "timestamp": names[-1] if are_times else "null"}
        rated = width - are_times > 2
        keys |= {"rating": names[2]} if rated else {}
        named = "" if header else "data.header=false "
        what = f"user item{' rating' * rated}{' time' * are_times}"
        raise DataError(
            f"the lines of {self.path} have {width} fields each, as {lines['line'][0]!r}: they are "
            f"no sequences, but events ({what})",
            where=str(self._file()),
            todo=f"data=files data.path={self._file()} {named}"
            + " ".join(f"data.{key}={name}" for key, name in keys.items())
            + "; if the lines are sequences, data.format=users",
        )

    def _lines(self, path: Path) -> pl.DataFrame:
        text = pl.col("line").str.strip_prefix(BOM).str.strip_chars().str.replace_all(r"\s+", " ")
        scan = pl.scan_lines(path, row_index_name="number", row_index_offset=1)
        try:
            return (
                scan.with_columns(text)
                .filter(pl.col("line") != "")
                .with_columns(pl.col("line").str.split(" ").alias("ids"))
                .collect(engine="streaming")
            )
        except (pl.exceptions.PolarsError, OSError) as error:
            raise DataError(
                f"{path.name} is cut off, damaged or not UTF-8 text: {error}",
                where=str(path),
                todo="fetch or copy the file again",
            ) from error

    def _file(self) -> Path:
        return Path(self.raw_dir or "", self.path).expanduser()


def _header(lines: pl.DataFrame) -> list[str]:
    """Return the fields of the first line if they name columns, else none."""
    fields = lines["ids"].head(1).explode().to_list()
    return fields if len(fields) > 1 and all(map(NAME.fullmatch, fields)) else []


def _all_pairs(lines: pl.DataFrame) -> bool:
    return bool((lines["ids"].head(SAMPLE).list.len() == 2).all())
