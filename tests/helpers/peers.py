"""Processes that share a store, as threads of this one."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

TIMEOUT = 60  # seconds, for one that asks what the others don't


class Thread:
    """One of several that work at once; see :class:`~seqrec.store.peers.Peers`."""

    def __init__(self, rank: int, board: list[Any], barrier: threading.Barrier):
        self.rank, self.world = rank, len(board)
        self._board, self._barrier = board, barrier

    def gather(self, value):
        self._board[self.rank] = value
        self._barrier.wait(TIMEOUT)
        parts = list(self._board)
        self._barrier.wait(TIMEOUT)
        return parts

    def add(self, number):
        return np.sum(self.gather(np.asarray(number)), axis=0)


def together(world: int, work: Callable[[Thread], Any]) -> list[Any]:
    """What so many return of the same work, each with its own rank."""
    board, barrier = [None] * world, threading.Barrier(world)

    def one(rank: int) -> Any:
        try:
            return work(Thread(rank, board, barrier))
        except BaseException:
            barrier.abort()
            raise

    with ThreadPoolExecutor(world) as pool:
        running = [pool.submit(one, rank) for rank in range(world)]
    failed = [each.exception() for each in running if each.exception()]
    for error in failed:
        if not isinstance(error, threading.BrokenBarrierError):
            raise error
    return [each.result() for each in running]
