"""Rows of a table: runs that belong together, and their results."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from seqrec.comparison.estimate.statistics import Floats
from seqrec.comparison.read.choose import averaged_keys
from seqrec.comparison.read.runs import Run
from seqrec.config.names import PARTS


@dataclass(frozen=True)
class Estimate:
    """A mean over runs and events."""

    mean: float
    sd: float | None  # of the runs' means; None: a single run
    low: float  # ends of the 95 % interval over users and runs
    high: float


@dataclass(frozen=True)
class Spread:
    """A mean over runs of a metric in their metrics.json, which has no values by event."""

    mean: float
    sd: float | None  # None: a single run


@dataclass(frozen=True)
class Difference:
    """A row's first metric minus that of the reference."""

    mean: float
    low: float
    high: float
    p: float  # adjusted by Holm


@dataclass(frozen=True, eq=False)
class Row:
    """Runs that differ only in what is averaged over."""

    by: tuple[str, ...]  # keys that distinguish the rows
    labels: tuple[str, ...]  # their values
    runs: list[Run]
    estimates: dict[str, Estimate]  # by metric of ranks
    reported: dict[str, Spread]  # by any other metric
    difference: Difference | None  # None: it is the reference

    @property
    def name(self) -> str:
        """The labels joined, without absent components and parts that the model's name implies."""
        implied = PARTS if "model" in self.by else ()
        pairs = zip(self.by, self.labels, strict=True)
        return " · ".join(v for key, v in pairs if v != "none" and key not in implied) or "none"

    def mean_result(self, key: str) -> float | None:
        """Average an entry of the runs' metrics.json; None if a run lacks it."""
        values = [run.results.get(key) for run in self.runs]
        if any(value is None for value in values):
            return None
        return float(np.mean([float(value) for value in values if value is not None]))


@dataclass(frozen=True, eq=False)
class Comparison:
    """One table of comparable runs."""

    by: list[str]  # keys that distinguish the rows
    metrics: list[str]  # of ranks; the first orders the rows and is tested
    reported: list[str]  # other test metrics, from the runs' metrics.json
    rows: list[Row]  # best first
    reference: int  # position among the rows
    chosen: bool  # the user chose the reference; else it is the best row
    replicates_BG: Floats  # of the first metric, by row

    @property
    def runs(self) -> list[Run]:
        """All runs, row by row."""
        return [run for row in self.rows for run in row.runs]

    @cached_property
    def averaged(self) -> list[str]:
        """Settings other than the seed that differ within a row."""
        return averaged_keys(row.runs for row in self.rows)

    @property
    def events(self) -> tuple[int, int]:
        """Numbers of test events and of their users."""
        ranks = self.runs[0].ranks
        return len(ranks), ranks["user"].n_unique()
