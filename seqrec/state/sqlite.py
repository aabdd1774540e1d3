"""Sessions in a file, which the processes of a machine share."""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import ClassVar

from seqrec.disk.writable import check_folder
from seqrec.errors import ConfigError
from seqrec.state._event import Event, packed, unpacked
from seqrec.state._what import StateError

SCHEMA = """
CREATE TABLE IF NOT EXISTS session (
  number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, touched INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS idle ON session (touched);
CREATE TABLE IF NOT EXISTS event (
  number INTEGER PRIMARY KEY AUTOINCREMENT, session INTEGER NOT NULL, id TEXT,
  content BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS of_session ON event (session, number);
CREATE UNIQUE INDEX IF NOT EXISTS known ON event (session, id) WHERE id IS NOT NULL;
"""
FILE = "sessions.sqlite"
FORMAT = 1  # of these tables
CACHE_MB = 2  # of each connection
SWEEP_S = 60  # seconds between two searches for idle sessions
SWEPT = 1000  # sessions of one search, so that no other process waits long


class Sqlite:
    """Keeps sessions in an SQLite file with a write-ahead log.

    What it has acknowledged outlives the process, even one that is killed. A loss of power can take
    the latest events, unless the state is `durable`, which waits for the disk at each event.
    Readers never wait for writers. The file may not lie on a network's file system.

    Args:
        path: the file; ``-wal`` and ``-shm`` lie beside it. None: ``sessions.sqlite``, here.
        keep: latest events that a session keeps.
        idle_minutes: a session without an event for so long is forgotten.
        durable: wait for the disk.
        busy_ms: how long to wait for another process that writes.
        clock: seconds since 1970.

    Raises:
        ConfigError: the file can't be written, or isn't such a state.
    """

    shared: ClassVar[bool] = True
    kept: ClassVar[bool] = True
    waits: ClassVar[str] = "append"
    bounds: ClassVar[dict[str, tuple[float, float]]] = {
        "keep": (1, 1_000_000_000),
        "idle_minutes": (0, 1_000_000_000),
        "busy_ms": (0, 1_000_000_000),
    }

    def __init__(
        self,
        *,
        path: str | None = None,
        keep: int = 1000,
        idle_minutes: float = 1440,
        durable: bool = False,
        busy_ms: int = 2000,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.path, self.keep, self.idle = Path(path or FILE), keep, 60 * idle_minutes
        self.durable, self.busy_ms, self.clock = durable, busy_ms, clock
        self._own = threading.local()
        self._all: list[sqlite3.Connection] = []
        self._swept = 0.0
        check_folder(self.path.parent, key="state.path")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self._writing() as found:
                [version] = found.execute("PRAGMA user_version").fetchone()
                if version not in (0, FORMAT):
                    raise sqlite3.DatabaseError(f"its tables have format {version}")
                for statement in filter(str.strip, SCHEMA.split(";")):
                    found.execute(statement)
                found.execute(f"PRAGMA user_version = {FORMAT}")
        except (StateError, OSError) as error:
            raise ConfigError(
                f"the sessions can't be kept in this file: {getattr(error, 'what', error)}",
                where=str(self.path),
                todo="name another file with state.path=FILE, or choose state=memory",
            ) from error

    def append(self, session: str, events: Sequence[Event]) -> set[str]:
        """Keep events; see :class:`~seqrec.state.State`."""
        now, before = self.clock(), set()
        with self._writing() as found:
            self._sweep(found, now)
            self._drop(found, "name = ? AND touched < ?", (session, int(now - self.idle)))
            [number] = found.execute(
                "INSERT INTO session (name, touched) VALUES (?, ?) "
                "ON CONFLICT (name) DO UPDATE SET touched = max(touched, excluded.touched) "
                "RETURNING number",
                (session, int(now)),
            ).fetchone()
            for event in events:
                added = found.execute(
                    "INSERT OR IGNORE INTO event (session, id, content) VALUES (?, ?, ?)",
                    (number, event.id, packed(event)),
                )
                if not added.rowcount:
                    assert event.id is not None
                    before.add(event.id)
            found.execute(
                "DELETE FROM event WHERE session = ? AND number <= (SELECT number FROM event "
                "WHERE session = ? ORDER BY number DESC LIMIT 1 OFFSET ?)",
                (number, number, self.keep),
            )
        return before

    def read(self, session: str) -> list[Event]:
        """Return the events, oldest first."""
        with self._telling():
            rows = self._connection().execute(
                "SELECT content FROM event JOIN session ON session.number = event.session "
                "WHERE name = ? AND touched >= ? ORDER BY event.number",
                (session, int(self.clock() - self.idle)),
            )
            return [unpacked(content) for (content,) in rows]

    def forget(self, session: str) -> bool:
        """Forget a session."""
        with self._writing() as found:
            return self._drop(found, "name = ?", (session,)) > 0

    def check(self) -> None:
        """Write and take back."""
        with self._writing() as found:
            found.execute(f"PRAGMA user_version = {FORMAT}")

    def close(self) -> None:
        """Close the file."""
        for connection in self._all:
            with suppress(sqlite3.Error):
                connection.close()
        self._all, self._own = [], threading.local()

    def _sweep(self, found: sqlite3.Connection, now: float) -> None:
        """Forget idle sessions, from time to time."""
        if not 0 <= now - self._swept < SWEEP_S:
            self._swept = now
            some = "number IN (SELECT number FROM session WHERE touched < ? LIMIT ?)"
            self._drop(found, some, (int(now - self.idle), SWEPT))

    @staticmethod
    def _drop(found: sqlite3.Connection, which: str, values: tuple) -> int:
        """Drop the sessions that a condition holds for; return how many."""
        found.execute(
            f"DELETE FROM event WHERE session IN (SELECT number FROM session WHERE {which})", values
        )
        return found.execute(f"DELETE FROM session WHERE {which}", values).rowcount

    def _connection(self) -> sqlite3.Connection:
        """Return this thread's connection."""
        if not hasattr(self._own, "connection"):
            made = sqlite3.connect(
                self.path,
                timeout=self.busy_ms / 1000,
                isolation_level=None,
                check_same_thread=False,
            )
            self._all.append(made)
            made.execute("PRAGMA journal_mode = WAL")
            made.execute(f"PRAGMA synchronous = {'FULL' if self.durable else 'NORMAL'}")
            made.execute(f"PRAGMA cache_size = {-1024 * CACHE_MB}")
            made.execute("PRAGMA secure_delete = ON")  # what is forgotten is overwritten
            self._own.connection = made
        return self._own.connection

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Hold the file's lock, from before the first read on, and keep all changes or none."""
        with self._telling():
            found = self._connection()
            found.execute("BEGIN IMMEDIATE")
            try:
                yield found
                found.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):  # a full disk rolls back by itself
                    found.execute("ROLLBACK")
                raise

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StateError(f"the sessions' file: {error}", where=str(self.path)) from error
