"""Nowhere to write: told before the work, in words. A file stands in the way of a folder."""

import errno
from pathlib import Path

import pytest

from seqrec.commands.evaluate import Arguments as Evaluating
from seqrec.commands.evaluate import evaluate_run
from seqrec.commands.recommend import Arguments as Recommending
from seqrec.commands.recommend import recommend
from seqrec.comparison.show.report.page import check_target
from seqrec.config.cli.command_line import check_command_line
from seqrec.errors import ConfigError
from seqrec.home import CONFIGS
from seqrec.machine.writable import check_file, check_folder
from seqrec.terminal.errors import plain_errors


@pytest.fixture
def taken(tmp_path):
    """A file where a folder should be."""
    file = tmp_path / "taken"
    file.touch()
    return file


def refuse_to_write(*args, **kwargs):
    raise OSError(errno.EROFS, "Read-only file system")


def test_a_folder_that_can_be_made_is_fine_and_is_not_made(tmp_path):
    check_folder(tmp_path / "a" / "b", key="out")
    check_file(tmp_path / "a.csv", key="out", example="lists.csv")
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_way_is_told(taken):
    for folder in (taken, taken / "below" / "it"):
        with pytest.raises(ConfigError, match=f"(?s){folder}.*it is a file.*where: out"):
            check_folder(folder, key="out")


def test_a_url_is_refused_and_no_folder_of_its_name_is_made(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"s3:/bucket/lists is a URL(?s:.*)where: out"):
        check_folder(Path("s3://bucket/lists"), key="out")
    with pytest.raises(ConfigError, match="is a URL"):
        check_file(Path("gs://bucket/lists.csv"), key="out", example="lists.csv")
    for key in ("output_dir", "cache_dir"):
        with pytest.raises(ConfigError, match=rf"paths.{key}=s3://bucket/x is a URL"):
            check_command_line([f"paths.{key}=s3://bucket/x"], config_dir=CONFIGS)
    assert list(tmp_path.iterdir()) == []
    check_folder(tmp_path / "a:b", key="out")


def test_what_the_system_says_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.TemporaryFile", refuse_to_write)
    with pytest.raises(ConfigError, match="read-only file system"):
        check_folder(tmp_path, key="paths.output_dir")
    with pytest.raises(ConfigError, match="read-only file system"):
        check_file(tmp_path / "a.csv", key="out", example="lists.csv")


def test_a_full_disk_wants_room(tmp_path, monkeypatch):
    def full(**_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("tempfile.TemporaryFile", full)
    with pytest.raises(ConfigError, match=r"(?s)no space left.*fix: make room on this disk, or"):
        check_folder(tmp_path, key="live")


@pytest.mark.parametrize(("key", "more"), [("paths.output_dir", ()), ("hydra.sweep.dir", ("-m",))])
def test_a_run_and_a_sweep_ask_before_anything_else(taken, key, more):
    with pytest.raises(ConfigError, match=f"(?s)it is a file.*where: {key}"):
        check_command_line([*more, f"{key}={taken}"], config_dir=CONFIGS)


def test_files_of_answers_metrics_and_reports_are_asked_for_first(tmp_path):
    nowhere, ready = tmp_path / "no" / "file.csv", tmp_path / "file.csv"
    with pytest.raises(ConfigError, match=r"out=.* folder that doesn't exist"):
        recommend(Recommending(run="none", out=nowhere))
    with pytest.raises(ConfigError, match=r"save=.* is a folder"):
        evaluate_run(Evaluating(run="none", save=str(tmp_path)))
    with pytest.raises(ConfigError, match=r"report=.* folder that doesn't exist"):
        check_target(nowhere)
    check_target(ready)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "lists.csv"), "the disk is full"),
        (OSError("No space left on device (os error 28)"), "the disk is full"),
        (
            PermissionError(errno.EACCES, "Permission denied", "lists.csv"),
            "the file can't be written: Permission denied",
        ),
    ],
)
def test_what_a_disk_refuses_later_is_one_message(error, told, capsys):
    with pytest.raises(SystemExit) as end, plain_errors():
        raise error
    assert end.value.code == 1 and capsys.readouterr().err.startswith(told)


def test_a_mistake_of_ours_keeps_its_traceback():
    with pytest.raises(FileNotFoundError), plain_errors():
        raise FileNotFoundError(errno.ENOENT, "No such file or directory", "x")
