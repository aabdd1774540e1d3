"""The best items of many queries at once, exactly, in about the time of the matrix product.

A block of scores stays in the cache of a core, and is looked at once more: only where the best of a
group of items beats the worst score of a list so far are the items of the group looked at.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Keys = NDArray[np.uint64]

WIDTH = 1024  # items in a block: with 256 queries, its scores are 1 MiB
GROUP = 64  # items whose best stands for them in the first look
FEW = 4  # a choice of at most one item in so many is copied to a table of its own
AHEAD = 4  # groups for each place of a list, whose best are looked at before all else
WAITING = 16  # blocks whose finds are sorted in together
DENSE = 2  # where one group in so many has something to add, the whole block is taken
ROWS = 1 << 16  # of a table that are checked at once
SIGN, ALL, LOW = np.uint32(1 << 31), np.uint32(0xFFFFFFFF), np.uint64(0xFFFFFFFF)
HALF = np.uint64(32)


class Scorable:
    """The items that may be listed, ready to be scored.

    Args:
        table_VD: float32, the item table, in memory or mapped to it; row 0 is the padding.
        bias_V: float32, added to the scores; None: nothing.
        allowed_V: bool, the items that may be listed. An item with a component that isn't finite
            never is.
    """

    def __init__(
        self, table_VD: Floats, bias_V: Floats | None, allowed_V: NDArray[np.bool_]
    ) -> None:
        sound_V = allowed_V & _finite(table_VD)
        sound_V[0] = False
        if bias_V is not None:
            sound_V &= np.isfinite(bias_V)
        self.item_V = np.arange(len(table_VD))
        if sound_V.sum() <= len(sound_V) // FEW:
            self.item_V = np.flatnonzero(sound_V) if sound_V.any() else np.zeros(1, np.int64)
            table_VD, sound_V = table_VD[self.item_V], sound_V[self.item_V]
            bias_V = None if bias_V is None else bias_V[self.item_V]
        self.table_VD, self.bias_V = table_VD, bias_V
        self.blocked = np.flatnonzero(~sound_V)

    def places(self, item_P: Ints, row_P: Ints) -> tuple[Ints, Ints]:
        """Return where in the table these items are, increasing, with their rows."""
        order = np.argsort(item_P, kind="stable")
        item_P, row_P = item_P[order], row_P[order]
        place_P = self.item_V.searchsorted(item_P)
        known_P = self.item_V[np.minimum(place_P, len(self.item_V) - 1)] == item_P
        return place_P[known_P], row_P[known_P]


def top_items(
    query_BD: Floats,
    items: Scorable,
    *,
    k: int,
    seen_row_P: Ints,
    seen_item_P: Ints,
    width: int = WIDTH,
) -> tuple[Ints, Floats]:
    """Return the `k` best items of each query.

    Of items with the same score, that with the lower index comes first. A query with a component
    that isn't finite has an empty list.

    Args:
        query_BD: the queries.
        items: what they are scored against.
        k: length of the lists.
        seen_row_P, seen_item_P: pairs of a query and an item that may not be listed for it.
        width: items in a block, a multiple of 64; changes no list but by rounding.

    Returns:
        ``(item_BK, score_BK)``, best first, filled up with 0 and -inf.
    """
    sound_B = np.asarray(np.isfinite(query_BD).all(1))
    query_DB = np.ascontiguousarray(np.where(sound_B[:, None], query_BD, 0).T, np.float32)
    scores = _Scores(items, query_DB, *items.places(seen_item_P, seen_row_P), width)
    best, firsts = _Best(len(query_BD), k), range(0, len(items.table_VD), width)
    ahead = firsts[: -(-AHEAD * k * GROUP // width)]
    best.begin(np.concatenate([_groups(scores(first)).max(1) for first in ahead]))
    for first in firsts:
        best.look(scores(first), first)
    place_BK, score_BK = best.found()
    score_BK[~sound_B] = -np.inf
    empty_BK = score_BK == -np.inf
    return np.where(empty_BK, 0, items.item_V[np.where(empty_BK, 0, place_BK)]), score_BK


class _Scores:
    """Scores of a block of items after the other, ``score_WB``; -inf where one may not be listed.

    Args:
        items: what the queries are scored against.
        query_DB: the queries, in columns.
        seen_P, row_P: places in the table, increasing, that queries go without.
        width: items in a block.
    """

    def __init__(
        self, items: Scorable, query_DB: Floats, seen_P: Ints, row_P: Ints, width: int
    ) -> None:
        self.items, self.query_DB, self.seen_P, self.row_P = items, query_DB, seen_P, row_P
        self.score_WB = np.empty((width, query_DB.shape[1]), np.float32)

    def __call__(self, first: int) -> Floats:
        """Return the scores of the items from `first` on, in memory that is used again."""
        items, score_WB = self.items, self.score_WB
        last = min(first + len(score_WB), len(items.table_VD))
        with np.errstate(invalid="ignore", over="ignore"):  # of items that are blocked
            np.matmul(items.table_VD[first:last], self.query_DB, out=score_WB[: last - first])
        score_WB[last - first :] = -np.inf
        if items.bias_V is not None:
            score_WB[: last - first] += items.bias_V[first:last, None]
        begin, end = items.blocked.searchsorted((first, last))
        score_WB[items.blocked[begin:end] - first] = -np.inf
        begin, end = self.seen_P.searchsorted((first, last))
        score_WB[self.seen_P[begin:end] - first, self.row_P[begin:end]] = -np.inf
        return score_WB


class _Best:
    """The best `k` items of each of B queries so far, in a buffer with room for more.

    An entry is one number, which is larger for a better item: the bits of the score, changed so
    that they increase with it, and those of the index, which decrease. 0 is no item.
    """

    def __init__(self, rows: int, k: int) -> None:
        self.k, self.size = k, 2 * k + k // 2 + GROUP
        self.key_BC = np.zeros((rows, self.size), np.uint64)
        self.used_B = np.zeros(rows, np.int64)
        self.waiting: list[tuple[Ints, Ints, Floats]] = []  # rows, items, scores
        self.border_B = np.zeros(rows, np.uint64)  # an entry has to be larger
        self.least_B = np.full(rows, -np.inf, np.float32)  # and a score has to be above this

    def begin(self, score_GB: Floats) -> None:
        """Begin with a bound: of the scores of different items, the one in place `k`."""
        if len(score_GB) >= self.k:
            least_B = np.partition(score_GB, -self.k, axis=0)[-self.k]
            self.least_B = np.nextafter(least_B, np.float32(-np.inf))  # it is reached, too

    def look(self, score_WB: Floats, first: int) -> None:
        """Take what is better from the scores of a block, whose items begin at `first`."""
        group_GSB, rows = _groups(score_WB), score_WB.shape[1]
        hit_H = (group_GSB.max(1) > self.least_B).ravel().nonzero()[0]
        if len(hit_H) > score_WB.size // GROUP // DENSE:
            self._take_all(np.ascontiguousarray(score_WB.T), first)
        elif len(hit_H):
            group_H, row_H = np.divmod(hit_H, rows)
            score_HS = group_GSB[group_H, :, row_H]
            above_N = (score_HS > self.least_B[row_H, None]).ravel().nonzero()[0]
            hit_N, place_N = np.divmod(above_N, GROUP)
            item_N = first + group_H[hit_N] * GROUP + place_N
            self.waiting.append((row_H[hit_N], item_N, score_HS.ravel()[above_N]))
            if len(self.waiting) == WAITING:
                self._take_waiting()

    def found(self) -> tuple[Ints, Floats]:
        """Return ``(place_BK, score_BK)``, best first; the score is -inf where there is none."""
        self._take_waiting()
        self._compact()
        key_BK = np.sort(self.key_BC[:, : self.k], axis=1)[:, ::-1]
        return (LOW - (key_BK & LOW)).astype(np.int64), _scores(key_BK)

    def _take_all(self, score_BW: Floats, first: int) -> None:
        """Take the best of a whole block."""
        key_BW = _keys(score_BW, np.arange(first, first + score_BW.shape[1]))
        most = min(self.k, key_BW.shape[1])
        self._compact()
        self.key_BC[:, self.k : self.k + most] = _largest(key_BW, most)
        self._compact()

    def _take_waiting(self) -> None:
        """Take what was found in the last blocks."""
        if self.waiting:
            row_N, item_N, score_N = map(np.concatenate, zip(*self.waiting, strict=True))
            self.waiting.clear()
            order = np.argsort(row_N, kind="stable")
            self._take(row_N[order], _keys(score_N[order], item_N[order]))

    def _take(self, row_N: Ints, key_N: Keys) -> None:
        """Take entries, which are in the order of their rows."""
        while len(row_N):
            new_B = np.bincount(row_N, minlength=len(self.used_B))
            before_B = self.used_B - np.cumsum(new_B) + new_B
            place_N = np.arange(len(row_N)) + before_B[row_N]
            fits_N = place_N < self.size
            self.key_BC[row_N[fits_N], place_N[fits_N]] = key_N[fits_N]
            self.used_B = np.minimum(self.used_B + new_B, self.size)
            row_N, key_N = row_N[~fits_N], key_N[~fits_N]
            if len(row_N):
                self._compact()
                better_N = key_N > self.border_B[row_N]
                row_N, key_N = row_N[better_N], key_N[better_N]

    def _compact(self) -> None:
        """Keep the best `k`, and raise what an entry has to be."""
        self.key_BC[:, : self.k] = _largest(self.key_BC, self.k)
        self.key_BC[:, self.k :] = 0
        self.used_B[:] = self.k
        self.border_B = self.key_BC[:, : self.k].min(1)
        self.least_B = np.maximum(self.least_B, _scores(self.border_B))


def _groups(score_WB: Floats) -> Floats:
    return score_WB.reshape(-1, GROUP, score_WB.shape[1])


def _largest(key_BC: Keys, k: int) -> Keys:
    return np.partition(key_BC, key_BC.shape[1] - k, axis=1)[:, key_BC.shape[1] - k :]


def _keys(score: Floats, item: Ints) -> Keys:
    """Return numbers that are ordered as the scores are, equal ones by falling index."""
    bits = (score + np.float32(0)).view(np.uint32)  # there is one zero
    bits = np.where(score == -np.inf, 0, bits ^ np.where(bits & SIGN, ALL, SIGN))
    key = bits.astype(np.uint64) << HALF
    return np.where(bits > 0, key | (LOW - item.astype(np.uint64)), 0)


def _scores(key: Keys) -> Floats:
    bits = (key >> HALF).astype(np.uint32)
    score = (bits ^ np.where(bits & SIGN, SIGN, ALL)).view(np.float32)
    return np.where(key > 0, score, np.float32(-np.inf))


def _finite(table_VD: Floats) -> NDArray[np.bool_]:
    parts = [np.isfinite(table_VD[at : at + ROWS]).all(1) for at in range(0, len(table_VD), ROWS)]
    return np.concatenate(parts)
