"""Hashes of the files of a folder, which are checked when the files are read.

A file of up to 32 MiB is checked whole, which takes less than a tenth of a second. Of a larger one,
its size and sixteen blocks of 256 KiB are: what was cut off, replaced or written over is found,
single bits mostly aren't. A full check reads every byte.
"""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from seqrec.disk.write import write_file

MANIFEST = "manifest.json"
WHOLE = 32 << 20  # bytes of the largest file that is always checked whole
BLOCK, BLOCKS = 256 << 10, 16


class ChangedError(ValueError):
    """A file isn't what the manifest of its folder says."""


def seal(folder: Path, names: Iterable[str]) -> None:
    """Write the manifest of those of the named files that exist.

    Raises:
        WriteError: it can't be written.
    """
    files = {name: entry_of(folder / name) for name in names if (folder / name).is_file()}
    write_file(folder / MANIFEST, json.dumps({"format": 1, "files": files}, indent=1) + "\n")


def unseal(folder: Path) -> None:
    """Remove the manifest, before files that it covers are written again."""
    (folder / MANIFEST).unlink(missing_ok=True)


def read_checked(file: Path, *, within: Path | None = None) -> bytes:
    """Read a file, and check it against the manifest of its folder, if there is one.

    Args:
        file: the file.
        within: the folder of the manifest; None: that of the file.

    Raises:
        ChangedError: its content isn't what the manifest says.
        OSError: it can't be read.
    """
    content = file.read_bytes()
    entry = entries(within or file.parent).get(_name(file, within))
    if entry is not None and hashlib.sha256(content).hexdigest() != entry["sha256"]:
        raise ChangedError(f"its content isn't what {MANIFEST} says")
    return content


def check(file: Path, *, within: Path | None = None, full: bool = False) -> None:
    """Check a file against the manifest of its folder, if there is one.

    Args:
        file: the file.
        within: the folder of the manifest; None: that of the file.
        full: read all of a large file, too.

    Raises:
        ChangedError: its content isn't what the manifest says.
        OSError: it can't be read.
    """
    entry = entries(within or file.parent).get(_name(file, within))
    if entry is not None:
        check_entry(file, entry, full=full)


def check_entry(file: Path, entry: dict[str, Any], *, full: bool = False) -> None:
    """Check a file against what :func:`entry_of` returned for it.

    Args:
        file: the file.
        entry: its size and hashes.
        full: read all of a large file, too.

    Raises:
        ChangedError: its content is another.
        OSError: it can't be read.
    """
    size = file.stat().st_size
    if size != entry["size"]:
        raise ChangedError(f"it has {size:,} bytes instead of {entry['size']:,}")
    if full or size <= WHOLE:
        same = sha256_of(file) == entry["sha256"]
    else:  # older manifests have no sample
        same = "sample" not in entry or sample_of(file) == entry["sample"]
    if not same:
        raise ChangedError("its content isn't what was written")


def entries(folder: Path) -> dict[str, dict[str, Any]]:
    """Return size and hashes of each file that the folder's manifest covers.

    Without a manifest, as in folders of earlier versions, no file is covered.

    Raises:
        ChangedError: the manifest can't be read.
    """
    try:
        text = (folder / MANIFEST).read_bytes()
    except FileNotFoundError:
        return {}
    try:
        files = json.loads(text)["files"]
        kinds = {"size": int, "sha256": str}
        sound = all(isinstance(e[k], kind) for e in files.values() for k, kind in kinds.items())
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ChangedError(f"{MANIFEST} is damaged") from error
    if not sound:
        raise ChangedError(f"{MANIFEST} is damaged")
    return files


def entry_of(file: Path) -> dict[str, Any]:
    """Return the size of a file, its sha256 and, if it is large, the sha256 of its sample."""
    size = file.stat().st_size
    entry = {"size": size, "sha256": sha256_of(file)}
    return entry if size <= WHOLE else entry | {"sample": sample_of(file)}


def sha256_of(file: Path) -> str:
    """Hash a file."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sample_of(file: Path) -> str:
    """Hash blocks of a file, which lie evenly from its begin to its end."""
    last = max(0, file.stat().st_size - BLOCK)
    hashed = hashlib.sha256()
    with file.open("rb") as stream:
        for at in range(BLOCKS):
            stream.seek(last * at // (BLOCKS - 1))
            hashed.update(stream.read(BLOCK))
    return hashed.hexdigest()


def _name(file: Path, within: Path | None) -> str:
    return file.relative_to(within).as_posix() if within else file.name
