"""Folders of runs that ended too early to be gone on with."""

import pytest
from filelock import FileLock

from seqrec.run.claim import clear_killed, give_back
from seqrec.run.folder import RunFolder


@pytest.fixture
def begun(tmp_path):
    """A run's folder before its first checkpoint."""
    folder = tmp_path / "outputs/data/sasrec/now"
    for name in (".hydra/config.yaml", ".lock", "config.yaml", "run.json", "wandb/log"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def test_a_run_that_is_stopped_before_its_first_checkpoint_leaves_nothing(begun, tmp_path):
    give_back(begun, tmp_path / "outputs")
    assert (begun / "config.yaml").is_file()  # a run that failed has something to tell
    give_back(begun, tmp_path / "outputs", stopped=True)
    assert [path.name for path in (tmp_path / "outputs").iterdir()] == []


def test_a_killed_run_that_nothing_can_go_on_from_is_removed_by_the_next(begun, tmp_path, capsys):
    with FileLock(begun / ".lock"):  # it is still training
        clear_killed(begun.parent, tmp_path / "outputs")
    assert begun.is_dir()
    clear_killed(begun.parent, tmp_path / "outputs")
    assert not begun.exists() and "killed before its first checkpoint" in capsys.readouterr().err


def test_a_run_that_failed_stays(begun, tmp_path):
    with pytest.raises(ValueError), RunFolder(begun).held():
        raise ValueError
    clear_killed(begun.parent, tmp_path / "outputs")
    assert (begun / "run.json").is_file()


@pytest.mark.parametrize("name", ["checkpoints/last.ckpt", "notes.txt", "metrics.json"])
def test_what_can_be_gone_on_with_or_is_not_ours_stays(begun, tmp_path, name):
    (begun / name).parent.mkdir(exist_ok=True)
    (begun / name).touch()
    give_back(begun, tmp_path / "outputs", stopped=True)
    assert (begun / name).is_file() and (begun / "config.yaml").is_file()
