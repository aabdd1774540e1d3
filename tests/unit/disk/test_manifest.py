"""Hashes tell what has changed: whole files, and samples of large ones."""

import json

import pytest

from seqrec.disk import manifest
from seqrec.disk.manifest import ChangedError, check, entries, read_checked, seal, unseal


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "a.txt").write_text("0123456789")
    seal(tmp_path, ["a.txt", "missing.txt"])
    return tmp_path


def test_a_file_that_is_as_it_was_is_read(folder):
    assert read_checked(folder / "a.txt") == b"0123456789"
    assert list(entries(folder)) == ["a.txt"]
    check(folder / "a.txt", full=True)


@pytest.mark.parametrize("content", ["0123456788", "012345678", "", "01234567890"])
def test_a_file_that_has_changed_is_told(folder, content):
    (folder / "a.txt").write_text(content)
    for look in (read_checked, check):
        with pytest.raises(ChangedError):
            look(folder / "a.txt")


def test_what_no_manifest_covers_is_read_as_it_is(folder):
    (folder / "b.txt").write_text("new")
    assert read_checked(folder / "b.txt") == b"new"
    unseal(folder)
    (folder / "a.txt").write_text("other")
    assert read_checked(folder / "a.txt") == b"other"


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"files": []}', '{"files": {"a.txt": {}}}', "[" * 9999, "\xff"]
)
def test_a_damaged_manifest_is_told(folder, text):
    (folder / "manifest.json").write_text(text, encoding="latin-1")
    with pytest.raises(ChangedError, match=r"manifest\.json is damaged"):
        read_checked(folder / "a.txt")


def test_a_large_file_is_sampled_and_read_whole_when_asked(folder, monkeypatch):
    monkeypatch.setattr(manifest, "WHOLE", 1000)
    monkeypatch.setattr(manifest, "BLOCK", 10)
    content = bytearray(5000)
    (folder / "large").write_bytes(content)
    seal(folder, ["large"])
    content[15] = 1  # between two blocks
    (folder / "large").write_bytes(content)
    check(folder / "large")
    with pytest.raises(ChangedError):
        check(folder / "large", full=True)
    for at in (0, 4999, 4990 * 7 // 15):  # in the first block, the last one, one between
        changed = bytearray(5000)
        changed[at] = 1
        (folder / "large").write_bytes(changed)
        with pytest.raises(ChangedError):
            check(folder / "large")


def test_a_manifest_of_files_without_a_sample_is_of_their_size_alone(folder, monkeypatch):
    monkeypatch.setattr(manifest, "WHOLE", 5)
    (folder / "a.txt").write_text("9876543210")
    check(folder / "a.txt")
    assert "sample" not in json.loads((folder / "manifest.json").read_text())["files"]["a.txt"]
    with pytest.raises(ChangedError):
        check(folder / "a.txt", full=True)
