"""The order of tests that several workers share."""

from itertools import groupby

import pytest


def in_halves(items: list[pytest.Item]) -> list[pytest.Item]:
    """Return the tests with files that have slow ones first in each half of the list.

    pytest-xdist hands each of two workers a half, and whoever is done takes from the end of the
    other's. Files stay together, because tests of a file share what is made for them.
    """
    files = [list(tests) for _, tests in groupby(items, key=lambda item: item.path)]
    slow = [tests for tests in files if any(map(_is_slow, tests))]
    quick = [tests for tests in files if not any(map(_is_slow, tests))]
    halves: tuple[list[pytest.Item], list[pytest.Item]] = ([], [])
    for at, tests in enumerate(slow):
        halves[at % 2].extend(tests)
    for tests in quick:
        min(halves, key=len).extend(tests)
    return [*halves[0], *halves[1]]


def _is_slow(item: pytest.Item) -> bool:
    return item.get_closest_marker("slow") is not None
