"""Search by looking at every item: blocks of scores, of which the best are kept."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from seqrec.index._tables import Floats, Tables
from seqrec.index._wanted import NOTHING, Found, Wanted

SCORES = 1 << 18  # scores held at once: 1 MiB, which stays in a cache
LOWEST = np.finfo(np.float32).min  # what isn't below it can be found; NaN and -inf can't
LEAST, MOST = 8192, 65536  # items in a block
GROUP = 64  # items whose best stands for them in the first look at a block


class Best:
    """The best items of one query so far.

    Args:
        wanted: what the query asks for.
        depth: how many to keep.
    """

    def __init__(self, wanted: Wanted, depth: int) -> None:
        self.wanted, self.depth = wanted, depth
        self.item, self.score = NOTHING, np.empty(0, np.float32)
        self.least = np.float32(-np.inf)  # a score has to be above it

    def take(self, score_W: Floats, first: int) -> None:
        """Look at the scores of a block, which may be changed."""
        allowed = self.wanted.allowed
        for places in (self.wanted.without, allowed.hidden):
            if places is not None and len(places):
                low, high = places.searchsorted((first, first + len(score_W)))
                score_W[places[low:high] - first] = -np.inf
        masks = allowed.hidden is None
        if self.least == -np.inf:
            if masks:
                score_W[~allowed.mask_V[first : first + len(score_W)]] = -np.inf
            above = (score_W >= reached(score_W, self.depth)).nonzero()[0]
        else:
            above = (score_W > self.least).nonzero()[0]
            if masks:
                above = above[allowed.mask_V[above + first]]
        if len(above):
            self.add(above + first, score_W[above])

    def add(self, item_N: NDArray[np.int64], score_N: Floats) -> None:
        """Keep the best of these and of those before; later items lose ties."""
        item, score = item_N, score_N
        if len(self.item):
            item, score = np.concatenate([self.item, item]), np.concatenate([self.score, score])
        if len(item) > self.depth:
            border = np.partition(score, -self.depth)[-self.depth]
            kept = (score >= border).nonzero()[0]
            if len(kept) > self.depth:
                tied = kept[score[kept] == border]
                kept = np.setdiff1d(kept, tied[self.depth - len(kept) :], assume_unique=True)
            item, score, self.least = item[kept], score[kept], border
        self.item, self.score = item, score

    def found(self, k: int) -> Found:
        """Return the best `k`."""
        return ordered(self.item, self.score, k)


def reached(score_W: Floats, count: int) -> np.float32:
    """Return a number that the best `count` scores of a block reach, and few others.

    Of the best of each group, the one in place `count` is such a number. To sort out the groups
    takes a tenth of the time of sorting out their items. Items of a group lie far apart, so that
    groups are compared side by side.
    """
    size = max(1, min(GROUP, len(score_W) // (4 * count)))
    groups = len(score_W) // size
    if groups < count:
        return LOWEST
    best_G = score_W[: groups * size].reshape(size, groups).max(0)
    best_G[np.isnan(best_G)] = -np.inf
    return max(LOWEST, np.partition(best_G, groups - count)[groups - count])


def scan(
    scores: Callable[[Floats, int, int], Floats],
    query_BD: Floats,
    wanted: Sequence[Wanted],
    *,
    size: int,
    depth: Callable[[Wanted], int],
) -> list[Best]:
    """Look at all items.

    Args:
        scores: scores of queries for the items ``first .. last - 1``: (B, last - first).
        query_BD: the queries.
        wanted: what each of them asks for.
        size: number of items, with the padding.
        depth: how many items to keep for a query.
    """
    best = [Best(each, depth(each)) for each in wanted]
    width = min(MOST, max(LEAST, SCORES // max(1, len(query_BD))))
    for first in range(0, size, width):
        score_BW = scores(query_BD, first, min(size, first + width))
        for each, score_W in zip(best, score_BW, strict=True):
            each.take(score_W, first)
    return best


def split(
    tables: Tables,
    query_BD: Floats,
    wanted: Sequence[Wanted],
    through_all: Callable[[Floats, Sequence[Wanted]], list[Found]],
) -> list[Found]:
    """Score few allowed items one by one, and ask `through_all` for the other queries together."""
    if all(each.allowed.few is None for each in wanted):
        return through_all(query_BD, wanted)
    found: dict[int, Found] = {}
    many = []
    for row, each in enumerate(wanted):
        if each.allowed.few is None:
            many.append(row)
        else:
            found[row] = among(tables, query_BD[row], each.allowed.few, each)
    if many:
        rest = through_all(query_BD[many], [wanted[row] for row in many])
        found |= dict(zip(many, rest, strict=True))
    return [found[row] for row in range(len(wanted))]


def among(tables: Tables, query_D: Floats, item_N: NDArray[np.int64], wanted: Wanted) -> Found:
    """Find the best of a few items, by their exact scores."""
    if len(wanted.without):
        item_N = item_N[~np.isin(item_N, wanted.without)]
    score_N = tables.scores_of(query_D, item_N)
    sound = score_N > -np.inf  # NaN isn't, either
    return ordered(item_N[sound], score_N[sound], wanted.k)


def ordered(item_N: NDArray[np.int64], score_N: Floats, k: int) -> Found:
    """Return the best `k` items in order."""
    order = np.lexsort((item_N, -score_N))[:k]
    return Found(item_N[order], score_N[order])
