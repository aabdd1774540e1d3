"""What may be shown to anybody: one file, replaced whole, with a version.

``{"version": 3, "allow": null, "deny": ["50"], "out_of_stock": []}``; whoever replaces the file
(the server, or a review) adds one to the version.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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


class FiltersFile:
    """Filters in a file that several processes read and replace.

    Args:
        path: the file; none there: nothing is filtered.

    Raises:
        DataError: it holds something else.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._mark: tuple[int, int, int] | None = None
        self._last = Filters()
        self.current()

    def current(self) -> Filters:
        """Return what the file says now; it is read again only after it was replaced.

        Raises:
            DataError: it holds something else.
        """
        try:
            stat = self.path.stat()
        except FileNotFoundError:
            self._mark, self._last = None, Filters()
            return self._last
        mark = stat.st_ino, stat.st_mtime_ns, stat.st_size
        if mark != self._mark:
            self._last, self._mark = read(self.path), mark
        return self._last

    def replace(
        self, *, allow: list[str] | None, deny: list[str], out_of_stock: list[str]
    ) -> Filters:
        """Put filters in the place of those before, and return them with their version.

        Raises:
            WriteError: the file can't be written; the filters are those of before.
        """
        with telling(self.path), _alone(self.path):
            made = Filters(
                version=self.current().version + 1,
                allow=allow,
                deny=deny,
                out_of_stock=out_of_stock,
            )
            write_file(self.path, msgspec.json.encode(made) + b"\n")
        return made


def read(path: Path) -> Filters:
    """Read a file of filters.

    Raises:
        DataError: it holds something else.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Filters)
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
