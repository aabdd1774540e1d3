"""Files of a store on an object store or a web server, fetched when they are first needed."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from filelock import FileLock

from seqrec.disk.manifest import ChangedError, check_entry
from seqrec.disk.write import is_full, replacing
from seqrec.errors import ConfigError, DataError
from seqrec.store.index import Entry, checked

ATTEMPTS = 2  # at a file that comes cut off or changed
PACKAGES = {"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "az": "adlfs"}


@dataclass(frozen=True)
class Remote:
    """The folder of a store behind a URL that fsspec can read: ``s3://``, ``gs://``, ``https://``.

    Args:
        url: of the folder.
    """

    url: str

    def read(self, name: str) -> bytes:
        """Return the content of a file.

        Raises:
            ConfigError: the URL is of a kind that can't be read here.
            DataError: the file can't be had.
        """
        with self._telling(name):
            files, folder = self._folder
            return files.cat_file(f"{folder}/{name}")

    def fetch(self, name: str, entry: Entry, path: Path) -> None:
        """Fetch a file to `path`, whole and as it was written, unless it is there.

        Any number of processes may call this at once: one fetches, the rest wait.

        Args:
            name: of the file, relative to the folder.
            entry: its size and hashes.
            path: where it is kept.

        Raises:
            DataError: it can't be had, isn't the one that was written, or the disk is full.
        """
        with self._telling(name):
            path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(path.with_name(f".{path.name}.lock")):
                if _is_there(path, entry):
                    return
                for left in reversed(range(ATTEMPTS)):
                    try:
                        with replacing(path) as part:
                            files, folder = self._folder
                            files.get_file(f"{folder}/{name}", str(part))
                            check_entry(part, entry, full=True)
                    except ChangedError:
                        if not left:
                            raise
                    else:
                        break
                checked(path, entry)

    @cached_property
    def _folder(self) -> tuple[Any, str]:
        """The file system, and the folder's place on it."""
        import fsspec  # slow to import

        try:
            files, folder = fsspec.core.url_to_fs(self.url)
        except ImportError as error:
            package = PACKAGES.get(self.url.partition(":")[0], "the package that it names")
            raise ConfigError(
                f"addresses of this kind need a package: {error}",
                where=f"data.path={self.url}",
                todo=f"pip install {package}",
            ) from error
        except ValueError as error:
            raise ConfigError(
                f"no address of this kind can be read: {error}",
                where=f"data.path={self.url}",
                todo="use a folder, s3://, gs:// or https://",
            ) from error
        return files, folder.rstrip("/")

    @contextmanager
    def _telling(self, name: str) -> Iterator[None]:
        """Say in words what fails; packages of object stores have errors of their own."""
        where = f"{self.url.rstrip('/')}/{name}"
        try:
            yield
        except (ConfigError, DataError):
            raise
        except ChangedError as error:
            raise DataError(
                f"a file of the prepared dataset isn't the one that was written: {error}",
                where=where,
                todo="put the whole folder there again, with its store.json; if the connection "
                "breaks off, start again: what has been fetched is kept",
            ) from error
        except Exception as error:
            if is_full(error):
                raise DataError(
                    "the disk is full: a file of the prepared dataset could not be kept",
                    where=where,
                    todo="free some space, or set paths.cache_dir to another disk",
                ) from error
            raise DataError(
                f"the prepared dataset can't be fetched: {_first_line(error)}",
                where=where,
                todo="check the address, and that this machine may read it (its credentials and "
                "network) and write to paths.cache_dir; what has been fetched is kept",
            ) from error


def _is_there(path: Path, entry: Entry) -> bool:
    """Return whether another process fetched the file; a damaged one is fetched again."""
    try:
        checked(path, entry)
    except (OSError, ChangedError):
        return False
    return True


def _first_line(error: Exception) -> str:
    name = type(error).__name__
    return f"{name}: {text[0]}" if (text := str(error).strip().splitlines()) else name
