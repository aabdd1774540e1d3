"""Sorting many rows by integer keys."""

import numpy as np


def lexsort(*keys: np.ndarray) -> np.ndarray:
    """Sort like :func:`numpy.lexsort` on integers, at millions of rows several times as fast.

    A radix sort, from the last digit of the first key to the first digit of the last. A digit has
    as many bits as leave room for a position next to it in one int64: each pass is then an ordinary
    sort of numbers, which is fast, and stable since no two of them are equal.

    Args:
        keys: one or more arrays of one length; the last is the most important.

    Returns:
        int64, the positions in sorted order; rows with equal keys keep their order.
    """
    position = np.arange(len(keys[0]))
    order = None
    place = max(len(position) - 1, 1).bit_length()
    width = 63 - place
    for key in keys:
        if order is None and (key[1:] >= key[:-1]).all():
            continue  # already sorted, as the times of a log are
        low, high = key.min(), key.max()
        for shift in range(0, (int(high) - int(low)).bit_length(), width):
            digit = (key if order is None else key[order]).astype(np.int64)
            digit -= low
            digit >>= shift
            digit &= (1 << width) - 1
            digit <<= place
            digit |= position
            digit.sort()
            digit &= (1 << place) - 1
            order = digit if order is None else order[digit]
    return position if order is None else order
