"""Many texts in a few arrays that are mapped to memory, and found again by their hash.

A list and a dict of a million ids take more memory than many an item table, in every process, and
a second to build. These take the bytes of the ids, once for all processes, and no time.
"""

import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

AT_ONCE = 1 << 16  # texts that are Python objects while they are hashed
EMPTY = -1


class Texts:
    """An immutable sequence of texts.

    Args:
        utf8_N: uint8, all texts one after another.
        begin_T: int64, where each begins, and the end of the last.

    Raises:
        ValueError: they don't fit each other.
    """

    def __init__(self, utf8_N: NDArray[np.uint8], begin_T: NDArray[np.int64]) -> None:
        if begin_T[0] != 0 or begin_T[-1] != len(utf8_N) or (np.diff(begin_T) < 0).any():
            raise ValueError("texts don't begin where others end")
        self._utf8, self._begin = utf8_N.data, begin_T.data

    def __len__(self) -> int:
        return len(self._begin) - 1

    def __getitem__(self, at: int) -> str:
        return str(self._utf8[self._begin[at] : self._begin[at + 1]], "utf-8", "replace")


class Found:
    """The places of distinct texts.

    Args:
        texts: what is looked up.
        slot_S: int32, a hash table with open addressing; see :func:`slots_of`.

    Raises:
        ValueError: it isn't a table of these texts.
    """

    def __init__(self, texts: Texts, slot_S: NDArray[np.int32]) -> None:
        whole = len(slot_S) & (len(slot_S) - 1) == 0 and len(slot_S) > len(texts)
        if not whole or slot_S.max() >= len(texts) or slot_S.min() != EMPTY:
            raise ValueError("the table of ids isn't a hash table of as many")
        self._texts, self._slot, self._mask = texts, slot_S.data, len(slot_S) - 1

    def __call__(self, text: str) -> int:
        """Return the place of a text; -1 if it isn't there."""
        place = zlib.crc32(text.encode(errors="replace")) & self._mask
        while (at := self._slot[place]) != EMPTY:
            if self._texts[at] == text:
                return at
            place = (place + 1) & self._mask
        return EMPTY


def packed(texts: pl.Series) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return the arguments of :class:`Texts`, for texts of which none is null."""
    joined = b"".join("".join(part).encode() for part in _parts(texts))
    begin_T = np.concatenate([[0], np.cumsum(texts.str.len_bytes().to_numpy(), dtype=np.int64)])
    return np.frombuffer(joined, dtype=np.uint8), begin_T


def slots_of(texts: pl.Series) -> NDArray[np.int32]:
    """Return the hash table of distinct texts, at most half full: the place of each, or -1."""
    hashed = (zlib.crc32(text.encode()) for part in _parts(texts) for text in part)
    place = np.fromiter(hashed, np.int64, len(texts))
    slot_S = np.full(1 << max(4, (2 * len(texts)).bit_length()), EMPTY, dtype=np.int32)
    mask, waiting = len(slot_S) - 1, np.arange(len(texts), dtype=np.int32)
    place &= mask
    while len(waiting):
        free = slot_S[place] == EMPTY
        slot_S[place[free]] = waiting[free]
        moved = slot_S[place] != waiting
        place, waiting = (place[moved] + 1) & mask, waiting[moved]
    return slot_S


def _parts(texts: pl.Series) -> Iterator[list[Any]]:
    for at in range(0, len(texts), AT_ONCE):
        yield texts[at : at + AT_ONCE].to_list()
