"""What may be shown to anybody: files that are replaced whole, with a version.

``filters.json`` in the server's folder is what ``PUT /v1/filters`` gave. Beside it counts what
reviews deny, which is in a file of the log (:mod:`seqrec.review`).
"""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from seqrec.disk.write import telling, write_file
from seqrec.errors import DataError


class Filters(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Original ids that may and may not be shown.

    Args:
        version: 0 before any were given.
        allow: the only items that may be shown; None: all.
        deny: items that may not.
        out_of_stock: items that are shown only to who asks for them.
    """

    version: int = 0
    allow: list[str] | None = None
    deny: list[str] = []
    out_of_stock: list[str] = []


class Denied(msgspec.Struct, frozen=True, kw_only=True):
    """Original ids that reviews deny."""

    version: int = 0
    deny: list[str] = []


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """All that may and may not be shown.

    Args:
        given: what the server was given.
        reviewed: what reviews deny.
    """

    given: Filters
    reviewed: Denied

    @property
    def version(self) -> str:
        """Both versions, as ``3.1``: that of the given filters, that of the reviews."""
        return f"{self.given.version}.{self.reviewed.version}"

    @property
    def deny(self) -> list[str]:
        """Items that may not be shown."""
        return [*self.given.deny, *self.reviewed.deny]


LOOK_S = 0.02
T = TypeVar("T", bound=msgspec.Struct)


class _File(Generic[T]):
    """A file that is read again only after it was replaced; none there: nothing is filtered."""

    def __init__(self, path: Path, kind: type[T]) -> None:
        self.path, self.kind, self.last = path, kind, kind()
        self._mark: tuple[int, int, int] | None = None

    def read(self) -> T:
        try:
            stat = self.path.stat()
        except FileNotFoundError:
            self._mark, self.last = None, self.last if self._mark is None else self.kind()
            return self.last
        mark = stat.st_ino, stat.st_mtime_ns, stat.st_size
        if mark != self._mark:
            self.last = _decoded(self.path, self.kind)
            self._mark = mark
        return self.last


class FilterFiles:
    """Filters in files, which several processes read and replace.

    Args:
        given: the server's own.
        reviewed: that of the reviews.

    Attributes:
        failed: why a file can't be read; None: it can.

    Raises:
        DataError: one holds something else.
    """

    def __init__(self, given: Path, reviewed: Path) -> None:
        self.path = given
        self._given, self._reviewed = _File(given, Filters), _File(reviewed, Denied)
        self._rules, self._looked = Rules(given=Filters(), reviewed=Denied()), 0.0
        self.failed: str | None = None
        self._look()

    def current(self) -> Rules:
        """Return what the files say, or said a moment ago: they are looked at 50 times a second.

        While one is damaged, the rules of before go on, and :attr:`failed` says why.
        """
        now = time.monotonic()
        if now - self._looked >= LOOK_S:
            self._looked = now
            try:
                self._look()
                self.failed = None
            except (DataError, OSError) as error:
                self.failed = str(error)
        return self._rules

    def _look(self) -> None:
        given, reviewed = self._given.read(), self._reviewed.read()
        if given is not self._rules.given or reviewed is not self._rules.reviewed:
            self._rules = Rules(given=given, reviewed=reviewed)

    def replace(
        self, *, allow: list[str] | None, deny: list[str], out_of_stock: list[str]
    ) -> Rules:
        """Put filters in the place of those given before.

        Raises:
            WriteError: the file can't be written; the filters are those of before.
        """
        with telling(self.path), _alone(self.path):
            version = self._given.read().version + 1
            made = Filters(version=version, allow=allow, deny=deny, out_of_stock=out_of_stock)
            write_file(self.path, msgspec.json.encode(made) + b"\n")
        self._looked = 0.0
        return self.current()


def _decoded(path: Path, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.MsgspecError) as error:
        raise DataError(
            f"the filters can't be read: {error}",
            where=str(path),
            todo='write {"version": 1, "deny": ["50"]}, or put them again',
        ) from error


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold a lock, so that no two processes give the same version."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(f".{path.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
