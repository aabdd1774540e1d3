"""Effects of the settings that rows differ in, and interactions of two settings."""

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from seqrec.comparison.estimate.rows import Comparison, Estimate, Row
from seqrec.comparison.estimate.statistics import interval
from seqrec.config.names import PARTS, is_named_by_parts

ABSENT = "none"  # the label of a component that a row lacks; not a level of a factor


@dataclass(frozen=True)
class Level:
    """A value of a factor."""

    value: str
    rows: int  # how many rows its estimate averages
    estimate: Estimate


@dataclass(frozen=True)
class Effect:
    """A factor's levels, with everything else equal where possible."""

    factor: str
    levels: list[Level]
    balanced: bool  # each level is averaged over the same settings of the other factors


@dataclass(frozen=True)
class Interaction:
    """Means by the levels of two factors; None where there is no run."""

    down: str
    across: str
    rows: list[str]
    columns: list[str]
    cells: list[list[Estimate | None]]


def factors(comparison: Comparison) -> list[str]:
    """Return the keys with two levels or more, without a model that its parts describe."""
    return [key for key in _apart(comparison) if len(_levels(comparison, key)) > 1]


def effect(comparison: Comparison, factor: str) -> Effect:
    """Average the first metric by level.

    Means are over those settings of the other factors that every level was tried with, so that no
    level gains from the settings it happened to be combined with. Without any, all rows count.
    """
    at = comparison.by.index(factor)
    others = [comparison.by.index(key) for key in _apart(comparison) if key != factor]
    tried: dict[tuple[str, ...], dict[str, list[int]]] = {}  # other settings to rows by level
    for place, row in enumerate(comparison.rows):
        if row.labels[at] != ABSENT:
            by_level = tried.setdefault(tuple(row.labels[i] for i in others), {})
            by_level.setdefault(row.labels[at], []).append(place)
    names = _levels(comparison, factor)
    complete = [by_level for by_level in tried.values() if len(by_level) == len(names)]
    used = complete or list(tried.values())
    levels = []
    for name in names:
        rows = [row for by_level in used for row in by_level.get(name, ())]
        levels.append(Level(name, len(rows), _mean(comparison, rows)))
    return Effect(factor, levels, bool(complete))


def interactions(comparison: Comparison) -> list[Interaction]:
    """Return every pair of factors that were varied together."""
    pairs = combinations(factors(comparison), 2)
    return [table for down, across in pairs if (table := _interaction(comparison, down, across))]


def _interaction(comparison: Comparison, down: str, across: str) -> Interaction | None:
    by, rows = comparison.by, _levels(comparison, down)
    columns = _levels(comparison, across)

    def cell(row: str, column: str) -> Estimate | None:
        wanted = {by.index(down): row, by.index(across): column}
        places = [
            place
            for place, each in enumerate(comparison.rows)
            if all(each.labels[at] == value for at, value in wanted.items())
        ]
        return _mean(comparison, places) if places else None

    cells = [[cell(row, column) for column in columns] for row in rows]
    together = sum(each is not None for line in cells for each in line)
    if together < max(len(rows), len(columns)) + 1:
        return None  # each only changes with the other
    return Interaction(down, across, rows, columns, cells)


def _apart(comparison: Comparison) -> list[str]:
    """Return the keys of the table, without the model where it only names its parts."""
    named = any(is_named_by_parts(run.settings) for run in comparison.runs)
    parted = named and bool(set(PARTS) & set(comparison.by))
    return [key for key in comparison.by if not (parted and key == "model")]


def _levels(comparison: Comparison, factor: str) -> list[str]:
    at = comparison.by.index(factor)
    names = list(dict.fromkeys(row.labels[at] for row in comparison.rows))
    present = [name for name in names if name != ABSENT]
    return sorted(present, key=float) if all(map(_is_number, present)) else present


def _mean(comparison: Comparison, places: list[int]) -> Estimate:
    replicate_B = comparison.replicates_BG[:, places].mean(1, keepdims=True)
    low, high = interval(replicate_B)
    means = [_first(comparison, comparison.rows[place]) for place in places]
    sd = float(np.std(means, ddof=1)) if len(means) > 1 else None
    return Estimate(float(np.mean(means)), sd, float(low[0]), float(high[0]))


def _first(comparison: Comparison, row: Row) -> float:
    return row.estimates[comparison.metrics[0]].mean


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
