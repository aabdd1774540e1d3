"""Archives that try to write elsewhere."""

import stat
import zipfile

import pytest

from seqrec.errors import DataError
from seqrec.raw.get.local import unpack


def packed(file, name: str, *, mode: int = stat.S_IFREG | 0o644):
    with zipfile.ZipFile(file, "w") as bundle:
        bundle.writestr("data/good.csv", "a,b\n")
        member = zipfile.ZipInfo(name)
        member.external_attr = mode << 16
        bundle.writestr(member, "/etc/passwd")
    return file


@pytest.mark.parametrize(
    "name", ["../evil.csv", "data/../../evil.csv", "/tmp/evil.csv", r"..\evil.csv", "C:/evil.csv"]
)
def test_a_member_outside_of_the_archive_is_refused(tmp_path, name):
    archive = packed(tmp_path / "a.zip", name)
    with pytest.raises(DataError, match="lies outside of it"):
        unpack(archive, {"data/good.csv": tmp_path / "out" / "good.csv"})
    assert not (tmp_path / "out").exists()


def test_a_link_is_refused(tmp_path):
    archive = packed(tmp_path / "a.zip", "data/link.csv", mode=stat.S_IFLNK | 0o777)
    with pytest.raises(DataError, match=r"'data/link.csv' is a link"):
        unpack(archive, {"data/link.csv": tmp_path / "link.csv"})
    assert not (tmp_path / "link.csv").exists()


def test_a_sound_archive_is_unpacked(tmp_path):
    archive = packed(tmp_path / "a.zip", "data/other.csv")
    unpack(archive, {"data/good.csv": tmp_path / "out" / "good.csv"})
    assert (tmp_path / "out" / "good.csv").read_text() == "a,b\n"
