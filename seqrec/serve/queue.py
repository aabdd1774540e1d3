"""Requests that wait for the model: those that are there at once are asked together."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

from seqrec.serve.refusal import RequestError

Work = TypeVar("Work")
Result = TypeVar("Result")
AFTER_S = 1  # when a refused request may come again


class LateError(RequestError):
    """A request that waited until its answer was of no more use."""


class Queue(Generic[Work, Result]):
    """Answers works one batch after the other.

    A batch is whatever waits when the one before is done, so a lone work never waits for others.

    Args:
        answer: answers works together, in their order.
        most: works of a batch.
        length: works that may wait; more are refused.
        apart: answer in a thread, so that the event loop goes on; without, `answer` has to take
            a few milliseconds at most.
    """

    def __init__(
        self,
        answer: Callable[[Sequence[Work]], Sequence[Result]],
        *,
        most: int,
        length: int,
        apart: bool,
    ) -> None:
        self.answer, self.most, self.length = answer, most, length
        self._waiting: deque[tuple[Work, float, asyncio.Future[Result]]] = deque()
        self._busy = False
        self._thread = ThreadPoolExecutor(1, "model") if apart else None

    def __len__(self) -> int:
        """Return the number of works that wait."""
        return len(self._waiting)

    async def ask(self, work: Work, *, until: float) -> Result:
        """Return the answer to a work.

        A work that is answered in a thread isn't waited for any longer than it is of use.

        Args:
            work: the work.
            until: when the answer is of no more use, on the event loop's clock.

        Raises:
            LateError: it waited until it was of no more use.
            RequestError: too many works wait.
        """
        if len(self._waiting) >= self.length:
            raise busy("the server has more requests than it can answer")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        self._waiting.append((work, until, future))
        if not self._busy:
            self._busy = True
            loop.call_soon(self._next)  # after all requests that arrived in this turn
        if self._thread is None:
            return await future
        try:
            async with asyncio.timeout_at(until):
                return await future
        except TimeoutError as error:
            raise late() from error

    def close(self) -> None:
        """End the thread, when it is done."""
        if self._thread is not None:
            self._thread.shutdown(wait=False)

    def _next(self) -> None:
        """Answer what waits, or rest."""
        loop = asyncio.get_running_loop()
        batch: list[tuple[Work, asyncio.Future[Result]]] = []
        now = loop.time()
        while self._waiting and len(batch) < self.most:
            work, until, future = self._waiting.popleft()
            if future.cancelled():
                continue
            if until < now:
                future.set_exception(late())
            else:
                batch.append((work, future))
        if not batch:
            self._busy = False
            return
        works, futures = [work for work, _ in batch], [future for _, future in batch]
        if self._thread is None:
            self._told(futures, lambda: self.answer(works))
        else:
            done = loop.run_in_executor(self._thread, self.answer, works)
            done.add_done_callback(lambda done: self._told(futures, done.result))

    def _told(
        self, futures: Sequence["asyncio.Future[Result]"], result: Callable[[], Sequence[Result]]
    ) -> None:
        try:
            for future, each in zip(futures, result(), strict=True):
                if not future.cancelled():
                    future.set_result(each)
        except Exception as error:
            for future in futures:
                if not future.done():
                    future.set_exception(error)
        asyncio.get_running_loop().call_soon(self._next)


def busy(what: str, kind: type[RequestError] = RequestError) -> RequestError:
    """Return a refusal that may be sent again."""
    return kind(503, what, todo="send it again later, or to another server", after=AFTER_S)


def late() -> RequestError:
    """Return the refusal of a request whose time is up."""
    return busy("the request waited for longer than timeout_ms", LateError)


def clock() -> float:
    """Return milliseconds that never go back."""
    return time.perf_counter() * 1000
