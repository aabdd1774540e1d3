"""Files are written whole or not at all."""

import errno
import os
from pathlib import Path

import polars as pl
import pytest

from seqrec.disk import write
from seqrec.disk.write import in_words, is_full, replacing, telling, write_file
from seqrec.errors import WriteError

FULL = OSError(errno.ENOSPC, "No space left on device")


def test_a_file_is_replaced_by_one_beside_it_that_is_on_the_disk(tmp_path, monkeypatch):
    steps: list[str] = []
    replace = Path.replace
    monkeypatch.setattr(write, "_to_disk", lambda path: steps.append(f"sync {path.name}"))
    monkeypatch.setattr(
        Path, "replace", lambda self, to: (steps.append(f"rename {self.name}"), replace(self, to))
    )
    with replacing(tmp_path / "a") as part:
        assert part.parent == tmp_path
        part.write_text("new")
    assert steps == ["sync a.part", "rename a.part", f"sync {tmp_path.name}"]
    assert (tmp_path / "a").read_text() == "new"


@pytest.mark.parametrize("links", [True, False])
def test_what_the_file_held_before_is_kept(tmp_path, monkeypatch, links):
    def no_links(*args: object) -> None:
        raise OSError(errno.EPERM, "no hard links here")

    if not links:
        monkeypatch.setattr(os, "link", no_links)
    for text in ("one", "two", "three"):
        with replacing(tmp_path / "a", before=tmp_path / "b") as part:
            part.write_text(text)
    assert (tmp_path / "a").read_text() == "three" and (tmp_path / "b").read_text() == "two"
    assert len(list(tmp_path.iterdir())) == 2


def test_a_full_disk_leaves_the_old_file_and_says_so(tmp_path):
    file = tmp_path / "a"
    file.write_text("old")
    full = pytest.raises(WriteError, match="the disk is full")
    with full as told, telling(file), replacing(file) as part:
        part.write_text("ne")
        raise FULL
    assert told.value.where == str(file) and "resume=auto" in str(told.value.todo)
    assert file.read_text() == "old" and [*tmp_path.iterdir()] == [file]


def test_a_folder_that_is_a_file_is_said(tmp_path):
    (tmp_path / "a").touch()
    with pytest.raises(WriteError, match=r"can't be written(.|\n)*choose a folder"):
        write_file(tmp_path / "a" / "b", "text")


def test_the_words_of_a_full_disk_are_known_without_a_number():
    assert is_full(OSError("No space left on device (os error 28)")) and is_full(FULL)
    assert "the disk is full" in str(in_words(OSError("No space left on device (os error 28)")))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is full")
def test_a_full_disk_is_known_from_an_error_of_polars():
    with pytest.raises(WriteError, match="the disk is full"), telling(Path("/dev/full")):
        pl.DataFrame({"a": [1]}).write_parquet("/dev/full")
