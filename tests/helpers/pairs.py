"""Few combinations in which every two options meet."""

import itertools
from collections.abc import Container, Sequence


def pairwise(*columns: Sequence[str], without: Container[frozenset[str]] = ()) -> list[tuple]:
    """Return rows of one option a column, in which all pairs of options are together somewhere.

    Each row is the first of those with the most pairs that no row before it has.

    Args:
        columns: the options; names differ between columns.
        without: pairs that are in no row.
    """
    rows = {row: _pairs(row) for row in itertools.product(*columns)}
    rows = {row: pairs for row, pairs in rows.items() if not any(p in without for p in pairs)}
    left, chosen = set().union(*rows.values()), []
    while left:
        chosen.append(max(rows, key=lambda row: len(rows[row] & left)))
        left -= rows[chosen[-1]]
    return chosen


def _pairs(row: Sequence[str]) -> set[frozenset[str]]:
    return {frozenset(pair) for pair in itertools.combinations(row, 2)}
