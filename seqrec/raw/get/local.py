"""Local files: find them in a folder, unpack them from an archive."""

import os
import shutil
import stat
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PureWindowsPath

from filelock import FileLock

from seqrec.errors import DataError

LISTED = 20


def find(folder: str | Path, names: Iterable[str], page: str | None = None) -> Path:
    """Return the first of `names` in `folder`, each also looked for with and without ``.gz``.

    Args:
        folder: where to look.
        names: what the file may be called.
        page: where it is published, if it can't be fetched.

    Raises:
        DataError: none exists, and the message lists what the folder holds; or the folder can't be
            read.
    """
    names = list(names)
    found = find_optional(folder, names)
    if found is not None:
        return found
    root = Path(folder)
    present = sorted(p.name + "/" * p.is_dir() for p in root.iterdir()) if root.is_dir() else []
    listing = ", ".join(present[:LISTED]) + (", ..." if len(present) > LISTED else "")
    raise DataError(
        f"data.raw_dir has no {' or '.join(names)}",
        where=f"{root.resolve()}, which "
        + (f"has: {listing}" if present else "is empty" if root.is_dir() else "is not a folder"),
        todo="put the file into this folder, point data.raw_dir at the one that has it, or "
        + ("set data.raw_dir=null to fetch it" if page is None else f"download it from {page}"),
    )


def find_optional(folder: str | Path, names: Iterable[str]) -> Path | None:
    """Return the first of `names` in `folder`, with or without ``.gz``, or None."""
    with _looking(folder):
        for name in names:
            stem = name.removesuffix(".gz")
            for candidate in (name, stem, f"{stem}.gz"):
                path = Path(folder) / candidate
                if path.is_file():
                    return path
    return None


def find_all(folder: str | Path, pattern: str) -> list[Path]:
    """Return the files that fit a pattern, with or without ``.gz``; each once, by name."""
    with _looking(folder):
        zipped = {str(p): p for p in Path(folder).glob(f"{pattern}.gz") if p.is_file()}
        plain = {f"{p}.gz": p for p in Path(folder).glob(pattern) if p.is_file()}
    return [path for _, path in sorted((zipped | plain).items())]


@contextmanager
def _looking(folder: str | Path) -> Iterator[None]:
    """Turn the errors of looking into a folder into a :class:`DataError`."""
    try:
        if Path(folder).is_dir():
            os.scandir(folder).close()
        yield
    except OSError as error:
        raise DataError(
            f"the folder of raw files can't be read: {error.strerror}",
            where=str(folder),
            todo=f"allow reading it (chmod u+rx {folder}), or point data.raw_dir at another folder",
        ) from error


def must_have(raw_dir: str | None, *, name: str, where: str) -> Path:
    """Return the folder of raw files that can't be fetched.

    Raises:
        DataError: `raw_dir` is None; the message names the page to download from.
    """
    if raw_dir is None:
        raise DataError(
            f"{name} can't be fetched: its publisher offers it on a web page only",
            where=where,
            todo="download it there, unpack it, and set data.raw_dir to the folder",
        )
    return Path(raw_dir).expanduser()


def must_exist(path: Path) -> None:
    """Raise a DataError unless `path` is a file."""
    with _looking(path.parent):
        there, folder = path.is_file(), path.is_dir()
    if not there:
        raise DataError(
            f"{path.name} is a folder, not a file" if folder else f"there is no file {path.name}",
            where=str(path.absolute()),
            todo="correct the path (data.path, data.items_path, data.users_path) or its folder, "
            "data.raw_dir",
        )


def unpack(archive: Path, members: Mapping[str, Path]) -> None:
    """Extract members of a zip file to the given paths, each atomically.

    Many processes may do so at once: one writes, the rest wait.

    Raises:
        DataError: the archive is not a zip file, a wanted member is missing or damaged, or any
            member lies outside of the archive or is a link.
    """
    try:
        with FileLock(f"{archive}.lock"), zipfile.ZipFile(archive) as bundle:
            _check_members(bundle)
            for member, path in members.items():
                if path.exists():
                    continue
                path.parent.mkdir(parents=True, exist_ok=True)
                part = path.with_name(f"{path.name}.part")
                try:
                    with bundle.open(member) as stream, part.open("wb") as out:
                        shutil.copyfileobj(stream, out)
                    part.replace(path)
                finally:
                    part.unlink(missing_ok=True)
    except (zipfile.BadZipFile, KeyError) as error:
        raise DataError(
            f"{archive.name} can't be unpacked: {error}",
            where=str(archive),
            todo="delete it; it is then fetched again",
        ) from error


def _check_members(bundle: zipfile.ZipFile) -> None:
    for member in bundle.infolist():
        name = member.orig_filename
        path = PureWindowsPath(name)  # understands both kinds of slashes, and drives
        if ".." in path.parts or path.root or path.drive:
            raise zipfile.BadZipFile(f"{name!r} lies outside of it")
        if stat.S_ISLNK(member.external_attr >> 16):
            raise zipfile.BadZipFile(f"{name!r} is a link")
