"""What every state can do."""

from collections.abc import Sequence
from typing import ClassVar, Protocol

from seqrec.errors import SeqrecError
from seqrec.state._event import Event


class StateError(SeqrecError):
    """A state that can't be read or written for now; what was asked of it didn't happen."""


class State(Protocol):
    """Keeps the events of sessions in the order in which they arrived.

    ``append`` keeps all of its events or none, whoever else writes to the session, and returns the
    ids of those it had before; what it has returned from is there for every later ``read``, of any
    process if the state is `shared`. A session keeps its latest events, ``keep`` of them, and is
    forgotten after ``idle_minutes`` without another. ``forget`` returns whether there was one.

    Attributes:
        shared: other processes see the same sessions.
        kept: they outlive the process.
        waits: which calls may wait for a disk, a lock or a network: none, ``append`` or all.

    Raises:
        StateError: from every method, if the state can't be reached or written.
    """

    shared: ClassVar[bool]
    kept: ClassVar[bool]
    waits: ClassVar[str]  # none | append | all

    def append(self, session: str, events: Sequence[Event]) -> set[str]: ...
    def read(self, session: str) -> list[Event]: ...
    def forget(self, session: str) -> bool: ...
    def check(self) -> None: ...
    def close(self) -> None: ...
