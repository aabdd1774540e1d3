"""Folders of processes that were killed are told from those of processes that live."""

import subprocess
import sys

import pytest
from helpers import ROOT

from seqrec.disk.held import clear_left, held

HOLD = "import sys; from pathlib import Path; from seqrec.disk.held import held"
CODE = f"{HOLD}\nwith held(Path(sys.argv[1])): print(1, flush=True); sys.stdin.read()"


def test_a_folder_is_held_by_one_and_given_back_by_a_kill(tmp_path):
    folder = tmp_path / "out.x.part"
    folder.mkdir()
    (folder / "items.npy").write_bytes(b"1")
    process = subprocess.Popen(
        [sys.executable, "-c", CODE, str(folder)],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None and process.stdout.readline()
    with held(folder) as mine:
        assert not mine
    assert clear_left(tmp_path, "out.*.part") == [] and folder.exists()
    process.kill()
    process.communicate()
    assert clear_left(tmp_path, "out.*.part") == [folder] and not folder.exists()


def test_links_files_and_what_is_of_use_stay(tmp_path):
    (tmp_path / "a.part").write_text("a file")
    (tmp_path / "kept").mkdir()
    (tmp_path / "b.part").symlink_to(tmp_path / "kept")
    (tmp_path / "c.part").mkdir()
    assert clear_left(tmp_path, "*.part", lambda folder: False) == []
    with held(tmp_path / "c.part") as mine:
        assert mine and clear_left(tmp_path, "*.part") == []
    with held(tmp_path / "nowhere") as mine:
        assert not mine
    assert clear_left(tmp_path, "*.part") == [tmp_path / "c.part"]
    assert (tmp_path / "kept").is_dir()


def test_an_export_removes_what_a_killed_one_left_and_not_what_another_writes(tmp_path, capsys):
    from seqrec.export.write import whole

    left = tmp_path / "bundle.dead.part"
    left.mkdir()
    with whole(tmp_path / "bundle") as one:
        assert one.is_dir() and not left.exists()
        with pytest.raises(ZeroDivisionError), whole(tmp_path / "bundle") as two:
            assert two != one and one.is_dir()
            raise ZeroDivisionError
        (one / "items.npy").write_text("1")
    assert [file.name for file in tmp_path.iterdir()] == ["bundle"]
    assert "of an export that was killed" in capsys.readouterr().err
