"""Checkpoints are whole, and a run goes on from the latest that is."""

import errno
import os

import pytest
import torch

from seqrec.errors import RunError, WriteError
from seqrec.run import checkpoints
from seqrec.run.checkpoints import find_start, moved, read_checkpoint, write_checkpoint
from seqrec.training.checkpoints import Checkpoints


def content(epoch: int, *, best: bool = True) -> dict:
    score = torch.tensor(0.5) if best else None
    return {
        "epoch": epoch,
        "state_dict": {"w": torch.full((1000,), float(epoch))},
        "callbacks": {"best": {"best_model_score": score, "dirpath": "/elsewhere"}},
    }


@pytest.fixture
def run(tmp_path):
    """A run after three epochs, of which the second was the best."""
    for epoch in (1, 2, 3):
        if epoch < 3:
            Checkpoints().save_checkpoint(content(epoch), tmp_path / "checkpoints" / "best.ckpt")
        Checkpoints().save_checkpoint(content(epoch), tmp_path / "checkpoints" / "last.ckpt")
    return tmp_path


def flip(file, at: float = 0.5):
    raw = bytearray(file.read_bytes())
    raw[int(at * len(raw))] ^= 1
    file.write_bytes(raw)


def cut(file):
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def epoch_of(start) -> int | None:
    return start.checkpoint and read_checkpoint(start.checkpoint)["epoch"]


def test_the_last_checkpoint_and_the_one_before_are_kept(run):
    folder = run / "checkpoints"
    epochs = {file.name: read_checkpoint(file)["epoch"] for file in folder.iterdir()}
    assert epochs == {"best.ckpt": 2, "last.ckpt": 3, "previous.ckpt": 2}
    assert epoch_of(find_start(run)) == 3 and not find_start(run).notes


@pytest.mark.parametrize("how", [flip, cut, os.remove, lambda file: file.write_bytes(b"")])
def test_a_damaged_checkpoint_gives_way_to_the_one_before_and_is_named(run, how):
    names = ("last.ckpt", "previous.ckpt")
    for damaged in (1, 2):
        how(run / "checkpoints" / names[damaged - 1])
        start = find_start(run)
        assert epoch_of(start) == 2
        told = [] if how is os.remove else [f"{name} is damaged" for name in names[:damaged]]
        assert start.notes == told
        assert start.checkpoint.name == ("previous.ckpt" if damaged == 1 else "best.ckpt")


def test_without_the_best_epoch_a_run_begins_again(run):
    flip(run / "checkpoints" / "best.ckpt")
    start = find_start(run)
    assert start.checkpoint is None
    assert start.notes == ["best.ckpt is damaged", "the run begins again"]


def test_before_the_first_validation_there_is_no_best_epoch(tmp_path):
    write_checkpoint(content(1, best=False), tmp_path / "checkpoints" / "last.ckpt")
    assert epoch_of(find_start(tmp_path)) == 1
    assert find_start(tmp_path / "none").checkpoint is None


def test_every_flipped_bit_of_a_tensor_is_found(tmp_path):
    """torch reads them without a word."""
    file = tmp_path / "a.ckpt"
    write_checkpoint(content(1), file)
    whole = file.read_bytes()
    first = whole.index(torch.ones(1000).numpy().tobytes())
    for at in range(first, first + 4000, 97):
        flip(file, (at + 0.5) / len(whole))
        with pytest.raises(RunError, match="damaged"):
            read_checkpoint(file)
        file.write_bytes(whole)
    assert read_checkpoint(file)["epoch"] == 1


def test_a_full_disk_keeps_the_last_good_checkpoint(run, monkeypatch):
    def full(what, stream):
        stream.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(checkpoints.torch, "save", full)
    for name in ("best.ckpt", "last.ckpt"):
        with pytest.raises(WriteError, match="the disk is full"):
            Checkpoints().save_checkpoint(content(4), run / "checkpoints" / name)
    assert epoch_of(find_start(run)) == 3
    assert not list(run.glob("**/*.part"))


def test_a_run_that_was_moved_keeps_its_best_value(tmp_path):
    """Lightning forgets it if the folder's name has changed."""
    state = {"dirpath": "/old", "best_model_path": "/old/best.ckpt", "best_model_score": 0.5}
    state |= {"kth_best_model_path": "/old/best.ckpt", "best_k_models": {"/old/best.ckpt": 0.5}}
    new = moved({"callbacks": {"best": state, "other": {"wait": 1}}}, tmp_path)["callbacks"]
    assert new["best"]["best_k_models"] == {str(tmp_path / "best.ckpt"): 0.5}
    assert new["best"]["dirpath"] == str(tmp_path) and new["other"] == {"wait": 1}
