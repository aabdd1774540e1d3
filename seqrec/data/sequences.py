"""Benchmark text files of sequences without times: ``user item`` pairs, or one user a line."""

from collections import Counter
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import ClassVar

import polars as pl

from seqrec.errors import ConfigError, DataError
from seqrec.raw.parse.checks import quote, tolerate
from seqrec.raw.parse.formats import BOM, WRONG_COUNT
from seqrec.raw.parse.read import QUOTED
from seqrec.raw.parse.text import inspect, open_text
from seqrec.raw.source import Interactions

FORMATS = ("auto", "pairs", "users")
SAMPLE = 1000


@dataclass(frozen=True, kw_only=True)
class Sequences:
    """Whitespace-separated ids, in the order of events.

    Args:
        path: the file, gzipped or not; relative to `raw_dir` if that is given.
        format: ``pairs`` (``user item`` a line, as SASRec's files), ``users`` (``user item item
            ...`` a line, as S3-Rec's) or ``auto``: pairs if each of the first 1,000 lines has
            exactly two ids, else users.
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
        """See :class:`~seqrec.raw.source.Source`; no timestamps, no ratings."""
        [path] = self.files()
        lines = self._lines(path)
        pairs = self.format == "pairs" or (self.format == "auto" and _all_pairs(path))
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
        return Interactions(events.explode("ids").rename({"ids": "item"}), rejected=dict(faults))

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


def _all_pairs(path: Path) -> bool:
    with open_text(path) as stream:
        filled = (line.split() for line in stream if line.strip())
        return all(len(ids) == 2 for ids in islice(filled, SAMPLE))
