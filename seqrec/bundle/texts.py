"""Many texts as one stretch of bytes, found again by their hash.

A list and a dict of a million ids take more memory than most item tables; this takes a few bytes
for each beside its own.
"""

import numpy as np
import polars as pl

AT_ONCE = 1 << 16  # texts that are Python objects while they are packed


class Texts:
    """An immutable sequence of texts.

    Args:
        texts: the texts; none of them is null.
    """

    def __init__(self, texts: pl.Series) -> None:
        parts = [texts[at : at + AT_ONCE].to_list() for at in range(0, len(texts), AT_ONCE)]
        size = np.fromiter((len(t.encode()) for part in parts for t in part), np.int64, len(texts))
        self._begin = np.concatenate([[0], np.cumsum(size)]).data
        self._bytes = b"".join("".join(part).encode() for part in parts)

    def __len__(self) -> int:
        return len(self._begin) - 1

    def __getitem__(self, at: int) -> str:
        return self._bytes[self._begin[at] : self._begin[at + 1]].decode()


class Found:
    """The places of distinct texts: a hash table with open addressing.

    Args:
        texts: what is looked up.
    """

    def __init__(self, texts: Texts) -> None:
        self._texts = texts
        size = 1 << max(4, (2 * len(texts)).bit_length())
        self._mask = size - 1
        slot = np.full(size, -1, dtype=np.int32)
        hashed = np.fromiter((hash(texts[at]) for at in range(len(texts))), np.int64, len(texts))
        place, waiting = hashed & self._mask, np.arange(len(texts), dtype=np.int32)
        while len(waiting):
            free = slot[place] < 0
            slot[place[free]] = waiting[free]
            moved = slot[place] != waiting
            place, waiting = (place[moved] + 1) & self._mask, waiting[moved]
        self._slot = slot.data

    def __call__(self, text: str) -> int:
        """Return the place of a text; -1 if it isn't there."""
        place = hash(text) & self._mask
        while (at := self._slot[place]) >= 0:
            if self._texts[at] == text:
                return at
            place = (place + 1) & self._mask
        return -1
