"""Sessions: those that a request brings, and those that the server keeps."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from seqrec.bundle.batch import TIME
from seqrec.clock import instant
from seqrec.errors import ConfigError, SeqrecError
from seqrec.feedback import now
from seqrec.recommend.session import Session
from seqrec.serve.refusal import RequestError
from seqrec.serve.schema import Asked, Happened, Recommend
from seqrec.state import Event, State, StateError

FAR = 2**53  # milliseconds; no time is as far away
T = TypeVar("T")


class Sessions:
    """A state, asked without holding up the event loop.

    Args:
        state: what keeps the sessions.
        threads: how many calls may wait for it at once.

    Attributes:
        trouble: why it can't be used for now; None: it can.
    """

    def __init__(self, state: State, threads: int = 4) -> None:
        self.state = state
        self.trouble: str | None = None
        self._threads = ThreadPoolExecutor(threads, "state")

    async def read(self, name: str) -> list[Event]:
        """Return the events of a session.

        Raises:
            RequestError: the state can't be read.
        """
        return await self._do(self.state.waits == "all", self.state.read, name)

    async def append(self, name: str, events: Sequence[Event]) -> set[str]:
        """Keep events, and return the ids of those that were kept before.

        Raises:
            RequestError: the state can't be written.
        """
        return await self._do(self.state.waits != "none", self.state.append, name, events)

    async def forget(self, name: str) -> bool:
        """Forget a session; return whether there was one.

        Raises:
            RequestError: the state can't be written.
        """
        return await self._do(self.state.waits != "none", self.state.forget, name)

    async def check(self) -> None:
        """Find out whether the state can be written, for :attr:`trouble`."""
        try:
            await self._do(self.state.waits != "none", self.state.check)
        except RequestError:
            return

    def close(self) -> None:
        """Finish what is under way, and close the state."""
        self._threads.shutdown()
        self.state.close()

    async def _do(self, waits: bool, call: Callable[..., T], *given: Any) -> T:
        try:
            if waits:
                loop = asyncio.get_running_loop()
                done = await loop.run_in_executor(self._threads, call, *given)
            else:
                done = call(*given)
        except StateError as error:
            self.trouble = error.what
            raise RequestError(
                503,
                f"sessions can't be used for now: {error.what}",
                where=error.where,
                todo="send it again later, or give the session's items",
                after=1,
            ) from error
        self.trouble = None
        return done


def of_items(asked: Asked) -> Session:
    """Return the session that a request brings."""
    assert asked.items is not None
    context = asked.context or {}
    for name, values in context.items():
        for value in values:
            if isinstance(value, int | float) and abs(value) > FAR:
                raise RequestError(400, f"{name}: {value:.3g} is too large", where="context")
    return Session([*map(str, asked.items)], context=context, asked=moment(asked.at, "at"))


def of_events(asked: Asked, events: Sequence[Event], wanted: Sequence[str]) -> Session:
    """Return the session of kept events, with the columns that the model wants."""
    if asked.context is not None:
        raise RequestError(
            400,
            "the context of a kept session is in its events",
            where="context",
            todo="leave context out, or give items",
        )
    context = {
        name: [each.time if name == TIME else each.context.get(name) for each in events]
        for name in wanted
    }
    items = [each.item for each in events]
    return Session(items, context=context, asked=moment(asked.at, "at"))


def event_of(happened: Happened) -> Event:
    """Return an event as a state keeps it."""
    for name, value in happened.context.items():
        if isinstance(value, int | float) and abs(value) > FAR:
            raise RequestError(400, f"{name}: {value:.3g} is too large", where="context")
    time = moment(happened.time, "time")
    return Event(
        str(happened.item), now() if time is None else time, happened.event_id, happened.context
    )


def moment(given: str | int | None, where: str) -> int | None:
    """Return a time in milliseconds since 1970; None: now.

    Raises:
        RequestError: it isn't a time.
    """
    try:
        ms = given if isinstance(given, int) or given is None else instant(given, where=where)
    except (ConfigError, OverflowError) as error:
        raise RequestError(
            400,
            f"{given!r} isn't an ISO date or time",
            where=where,
            todo="write 2024-05-01T10:00:00Z, or milliseconds since 1970",
        ) from error
    if ms is not None and abs(ms) > FAR:
        raise RequestError(
            400, f"{ms} ms isn't a time", where=where, todo="write 2024-05-01T10:00:00Z"
        )
    return ms


def sessions_of(asked: Recommend) -> list[Asked]:
    """Return the sessions of a request.

    Raises:
        RequestError: it doesn't say which, or says it twice.
    """
    one = Asked(items=asked.items, session=asked.session, context=asked.context, at=asked.at)
    if asked.sessions is not None:
        if one != Asked():
            raise RequestError(
                400,
                "items, session, context and at belong to each of the sessions",
                where="sessions",
                todo="leave these out beside sessions",
            )
        if asked.explain:
            raise RequestError(
                400,
                "one session is explained at a time",
                where="explain",
                todo="send it without sessions, or leave explain out",
            )
    sessions = asked.sessions if asked.sessions is not None else [one]
    for each in sessions:
        if (each.items is None) == (each.session is None):
            raise RequestError(
                400,
                "give either items or session",
                where="items",
                todo='write {"items": ["50", "181"]} or {"session": "ID"}',
            )
    return sessions


def untaken(error: Exception) -> RequestError:
    """Say why the model doesn't take a session."""
    if isinstance(error, SeqrecError):
        return RequestError.of(error)
    return RequestError(400, f"a number is too large: {error}", where="context")
