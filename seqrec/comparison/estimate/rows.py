"""Rows of a table: runs that belong together, and what they reach."""

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
    low: float  # of the 95 % interval over users and runs
    high: float


@dataclass(frozen=True)
class Spread:
    """A mean over runs of what they say themselves, about which nothing is known event by event."""

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
    """Runs that differ in nothing but what is averaged over."""

    by: tuple[str, ...]  # keys that tell the rows apart
    labels: tuple[str, ...]  # their values
    runs: list[Run]
    estimates: dict[str, Estimate]  # by metric of ranks
    told: dict[str, Spread]  # by any other metric
    difference: Difference | None  # None: it is the reference

    @property
    def name(self) -> str:
        """The labels in one, without what the model's name says, and what isn't there."""
        said = PARTS if "model" in self.by else ()
        pairs = zip(self.by, self.labels, strict=True)
        return " · ".join(v for key, v in pairs if v != "none" and key not in said) or "none"

    def mean_result(self, key: str) -> float | None:
        """A mean of what metrics.json says; None where a run doesn't say it."""
        values = [run.results.get(key) for run in self.runs]
        if any(value is None for value in values):
            return None
        return float(np.mean([float(value) for value in values if value is not None]))


@dataclass(frozen=True, eq=False)
class Comparison:
    """One table: runs that were measured on the same."""

    by: list[str]  # keys that tell the rows apart
    metrics: list[str]  # of ranks; the first decides
    told: list[str]  # other test metrics, as the runs say them
    rows: list[Row]  # best first
    reference: int  # place among the rows
    chosen: bool  # the reference was asked for; else it is the best row
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
        """Test events, and users that they are of."""
        ranks = self.runs[0].ranks
        return len(ranks), ranks["user"].n_unique()
