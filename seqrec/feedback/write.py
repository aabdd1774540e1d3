"""Write a log: whole lines, appended, each in the system's hands before it is acknowledged.

A segment, ``2026-11-28T20.<writer>.jsonl``, has one writer in its life and holds what it wrote in
one hour (UTC). The writer holds a lock on it, so compaction leaves it alone; the system gives the
lock back if the writer is killed.
"""

import fcntl
import os
import secrets
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from seqrec.disk.write import telling
from seqrec.feedback.records import Forget, Line, line_of, now
from seqrec.feedback.salt import Salt, beside

HOUR = 3_600_000
MODE = 0o640  # histories are nobody else's business


class Log:
    """A log to write to; one process may share it between threads.

    When a method returns, its lines are in the page cache: no kill, not even ``kill -9``, can lose
    them, and a loss of power can lose those of the last seconds unless ``durable``.

    Args:
        folder: of the log; made if it isn't there.
        salt: file of the salt; None: beside the folder.
        durable: wait until the disk has each line.

    Raises:
        WriteError: the folder or the salt can't be written.
    """

    def __init__(
        self, folder: str | Path, *, salt: Path | None = None, durable: bool = False
    ) -> None:
        self.folder, self.durable = Path(folder), durable
        with telling(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        self.salt = Salt.at(salt or beside(self.folder))
        self._lock = threading.Lock()
        self._handle, self._hour, self._process = -1, 0, 0
        self._torn = False  # the last line is only there in part

    def write(self, records: Sequence[Line | Forget]) -> None:
        """Append records, in one write.

        Raises:
            DataError: one of them can't be written as JSON; none is written.
            WriteError: the disk doesn't take them; what it took in part is skipped by readers.
        """
        content = b"".join(line_of(record) for record in records)
        if not content:
            return
        with self._lock, telling(self.folder):
            handle = self._segment()
            if self._torn:
                content = b"\n" + content
            self._torn = True
            while content:
                content = content[os.write(handle, content) :]
            self._torn = False
            if self.durable:
                os.fsync(handle)

    def forget(self, session: str) -> None:
        """Forget what was logged of a session (its own id) until now.

        Reading leaves it out at once; :func:`~seqrec.feedback.compact` removes it from the files.

        Raises:
            WriteError: the disk doesn't take the order.
        """
        self.write([Forget(session=self.salt.hash(session))])

    def rest(self) -> None:
        """Give the segment free if its hour is over, so that it can be compacted."""
        with self._lock:
            if self._process == os.getpid() and now() // HOUR > self._hour:
                self._close()

    def close(self) -> None:
        """Give the segment free; the next write begins another."""
        with self._lock:
            self._close()

    def _segment(self) -> int:
        """Return the open segment of this process and hour; a clock that goes back changes none."""
        hour = now() // HOUR
        if self._process != os.getpid():  # a fork goes on in a segment of its own
            self._close()
            self._process = os.getpid()
        if self._handle < 0 or hour > self._hour:
            self._close()
            self._handle, self._hour = self._begun(hour_of(hour * HOUR)), hour
        return self._handle

    def _begun(self, hour: str) -> int:
        """Make a segment and lock it, before compaction can take it for an old one."""
        while True:
            writer = f"{self._process}-{secrets.token_hex(4)}"
            file = self.folder / f"{hour}.{writer}.jsonl"
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND
            handle = os.open(file, flags, MODE)
            fcntl.flock(handle, fcntl.LOCK_EX)
            if os.fstat(handle).st_nlink:
                return handle
            os.close(handle)

    def _close(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)
        self._handle, self._torn = -1, False


def hour_of(time: int) -> str:
    """Return the hour (UTC) of a time in milliseconds, as the names of files have it."""
    return datetime.fromtimestamp(time / 1000, UTC).strftime("%Y-%m-%dT%H")
