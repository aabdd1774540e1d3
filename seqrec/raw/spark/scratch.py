"""Tables on the way: a folder that the driver and all executors see."""

import shutil
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import polars as pl

from seqrec.errors import DataError

ROW = "_row"  # the column of an event's place in the files
GROUP = 1 << 20  # rows that one task of Spark reads at least


@dataclass(frozen=True)
class Scratch:
    """Tables as Parquet files, which both Spark and polars read.

    A table that is kept has its rows once and for all: a job that is repeated, because an executor
    died, begins with the same ones.

    Args:
        session: the ``SparkSession``.
        folder: where they are; it must exist.
    """

    session: Any
    folder: Path
    _number: Any = field(default_factory=count)

    def keep(self, rows: Any, before: Any = None) -> Any:
        """Write a DataFrame of Spark and return what was written.

        Args:
            rows: the DataFrame.
            before: what an earlier call returned, which is needed no more; None: nothing.
        """
        path = self._write(rows)
        kept = self.session.read.schema(rows.schema).parquet(f"file://{path}")
        if before is not None:
            self.drop(before)
        return kept

    def drop(self, kept: Any) -> None:
        """Remove the files of what :meth:`keep` returned, and nothing is made of any more."""
        for folder in {Path(unquote(urlsplit(file).path)).parent for file in kept.inputFiles()}:
            shutil.rmtree(folder)

    def parts(self, rows: Any, by: str) -> Path:
        """Write a DataFrame into folders ``by=value``, in its order, and return their folder."""
        return self._write(rows, by)

    def fetch(self, rows: Any) -> pl.DataFrame:
        """Return a DataFrame of Spark as one of polars, in no order."""
        path = self._write(rows)
        table = pl.read_parquet(path / "*.parquet")
        shutil.rmtree(path)
        return table

    def give(self, rows: pl.DataFrame | pl.LazyFrame) -> Any:
        """Return a table of polars as a DataFrame of Spark."""
        path = self.folder / f"{next(self._number)}.parquet"
        rows.lazy().sink_parquet(path, row_group_size=GROUP)
        return self.session.read.parquet(f"file://{path}")

    def _write(self, rows: Any, *by: str) -> Path:
        path = self.folder / str(next(self._number))
        rows.write.partitionBy(*by).parquet(f"file://{path}")
        if not any(path.rglob("*.parquet")):
            raise DataError(
                "what Spark's executors wrote isn't on this machine",
                where=str(path),
                todo="set paths.cache_dir to a folder that is the same on all machines",
            )
        return path
