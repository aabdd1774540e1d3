"""Hashes of sessions: the log holds no session id, and what could guess it lies elsewhere."""

import hashlib
import os
import secrets
from contextlib import suppress
from pathlib import Path

from seqrec.disk.write import telling
from seqrec.errors import DataError

BYTES = 32


class Salt:
    """The key of a log's hashes.

    Without it, the log doesn't tell which session a line is of, even to who knows all ids.

    Args:
        key: 32 random bytes.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    @classmethod
    def at(cls, file: Path) -> "Salt":
        """Read a salt, or make one that only its owner can read.

        Workers that start at the same time get the same.

        Raises:
            WriteError: it can't be made.
            DataError: the file holds something else.
        """
        if not file.exists():
            with telling(file):
                _make(file)
        try:
            key = bytes.fromhex(file.read_text().strip())
        except (ValueError, OSError) as error:
            raise _refused(file) from error
        if len(key) != BYTES:
            raise _refused(file)
        return cls(key)

    def hash(self, session: str) -> str:
        """Return 32 hexadecimal digits that stand for a session."""
        text = session.encode("utf-8", "surrogatepass")
        return hashlib.blake2b(text, key=self._key, digest_size=16).hexdigest()


def beside(folder: Path) -> Path:
    """Return where the salt of a log lies unless it is told: beside its folder, not in it."""
    place = folder.expanduser().absolute()
    return place.with_name(f"{place.name}.salt")


def _make(file: Path) -> None:
    """Write a new salt, unless another process was quicker; it is never there in part."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f"{file.name}.{os.getpid()}-{secrets.token_hex(4)}")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(handle, f"{secrets.token_hex(BYTES)}\n".encode())
        os.fsync(handle)
        with suppress(FileExistsError):
            os.link(part, file)
    finally:
        os.close(handle)
        part.unlink()


def _refused(file: Path) -> DataError:
    return DataError(
        "this isn't the salt of a log",
        where=str(file),
        todo="bring the file back; with another salt, the log's sessions can't be told again",
    )
