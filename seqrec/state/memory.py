"""Sessions in the memory of one process."""

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from typing import ClassVar

from seqrec.state._event import Event


class Memory:
    """Keeps sessions until the process ends.

    Args:
        keep: latest events that a session keeps.
        idle_minutes: a session without an event for so long is forgotten.
        sessions: most sessions; the one that was idle longest goes first.
        clock: seconds that never go back.
    """

    shared: ClassVar[bool] = False
    kept: ClassVar[bool] = False
    waits: ClassVar[str] = "none"
    bounds: ClassVar[dict[str, tuple[float, float]]] = {
        "keep": (1, 1_000_000_000),
        "idle_minutes": (0, 1_000_000_000),
        "sessions": (1, 1_000_000_000),
    }

    def __init__(
        self,
        *,
        keep: int = 1000,
        idle_minutes: float = 1440,
        sessions: int = 1_000_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.keep, self.idle, self.most, self.clock = keep, 60 * idle_minutes, sessions, clock
        self._sessions: OrderedDict[str, tuple[float, deque[Event]]] = OrderedDict()
        self._lock = threading.Lock()

    def append(self, session: str, events: Sequence[Event]) -> set[str]:
        """Keep events; see :class:`~seqrec.state.State`."""
        with self._lock:
            self._drop_idle()
            _, kept = self._sessions.pop(session, (0.0, deque(maxlen=self.keep)))
            known, before = {event.id for event in kept}, set()
            for event in events:
                if event.id is not None and event.id in known:
                    before.add(event.id)
                else:
                    known.add(event.id)
                    kept.append(event)
            self._sessions[session] = self.clock(), kept
            while len(self._sessions) > self.most:
                self._sessions.popitem(last=False)
        return before

    def read(self, session: str) -> list[Event]:
        """Return the events, oldest first."""
        with self._lock:
            self._drop_idle()
            return list(self._sessions.get(session, (0.0, ()))[1])

    def forget(self, session: str) -> bool:
        """Forget a session."""
        with self._lock:
            return self._sessions.pop(session, None) is not None

    def check(self) -> None:
        """Return: memory can always be written."""

    def close(self) -> None:
        """Return: nothing is open."""

    def _drop_idle(self) -> None:
        """Forget the sessions that have been idle for too long; the idlest come first."""
        limit = self.clock() - self.idle
        while self._sessions and next(iter(self._sessions.values()))[0] < limit:
            self._sessions.popitem(last=False)
