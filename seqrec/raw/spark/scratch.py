"""Tables on the way: a folder that the driver and all executors see."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import polars as pl

from seqrec.errors import DataError

ROW = "_row"  # the column of an event's place in the files
GROUP = 1 << 20  # rows that one task of Spark reads at least


@dataclass(frozen=True)
class Scratch:
    """Tables as files, which Spark and the processes of this project read.

    A table that is kept has its rows once and for all: a job that is repeated, because an executor
    died, begins with the same ones.

    Args:
        session: the ``SparkSession``.
        folder: where they are; it must exist.
    """

    session: Any
    folder: Path
    _number: Any = field(default_factory=count)

    def keep(self, rows: Any) -> Any:
        """Write a DataFrame of Spark and return what was written."""
        path = self._write(rows)
        return self.session.read.schema(rows.schema).parquet(f"file://{path}")

    def parts(self, rows: Any, by: str) -> Path:
        """Write a DataFrame of Spark into folders ``by=value`` and return their folder."""
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

    def new(self) -> Path:
        """Return a path of nothing yet."""
        return self.folder / str(next(self._number))

    def each(self, function: Callable[[Any], Any], jobs: Sequence[Any]) -> Iterator[Any]:
        """Call a function on the executors, once for each job.

        Args:
            function: it may be called again for a job, if an executor dies.
            jobs: what it is called with.

        Yields:
            What it returns, in order. The results stay on the executors' disks until then: all of
            them at once may not fit into the memory of the driver.
        """
        from pyspark import StorageLevel

        calls = self.session.sparkContext.parallelize(jobs, len(jobs)).map(function)
        answers = calls.persist(StorageLevel.DISK_ONLY)
        answers.count()  # all at once; they come one after the other
        yield from answers.toLocalIterator()
        answers.unpersist()

    def _write(self, rows: Any, *by: str) -> Path:
        path = self.new()
        rows.write.partitionBy(*by).parquet(f"file://{path}")
        if not any(path.rglob("*.parquet")):
            raise DataError(
                "what Spark's executors wrote isn't on this machine",
                where=str(path),
                todo="set paths.cache_dir to a folder that is the same on all machines",
            )
        return path
