"""What ends a run before its end: signals and full disks. The same command goes on."""

import errno
import os
import signal
from types import SimpleNamespace

import polars as pl
import pytest
from helpers.place import QUICK

from seqrec.run import checkpoints
from seqrec.terminal.stop import Terminated, status_of, terminable
from seqrec.training.midway import Midway
from seqrec.training.module import TrainedModule

RUN = ("data=synthetic", "data.n_users=60", *QUICK[2:], "logger=none", "model=gru_attn")
EPOCHS = "trainer.max_epochs=3"  # of about 10 batches


@pytest.fixture
def full(monkeypatch):
    """``full(3, 4)``: the third and fourth checkpoint don't fit on the disk any more."""
    save, done = checkpoints.torch.save, []

    def arm(*which: int) -> None:
        def saved(content, stream):
            done.append(content)
            if len(done) in which:
                stream.write(b"half")
                raise OSError(errno.ENOSPC, "No space left on device")
            save(content, stream)

        monkeypatch.setattr(checkpoints.torch, "save", saved)

    return arm


@pytest.fixture
def stopped(monkeypatch):
    """``stopped(2, signal)``: the signal arrives in the second epoch that is trained."""
    step, begun = TrainedModule.on_train_epoch_start, []

    def arm(which: int, number: int) -> None:
        def start(self):
            step(self)
            begun.append(self)
            if len(begun) == which:
                os.kill(os.getpid(), number)

        monkeypatch.setattr(TrainedModule, "on_train_epoch_start", start)

    return arm


def test_sigterm_is_an_interruption_with_a_status_of_its_own():
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Terminated) as end, terminable():
        os.kill(os.getpid(), signal.SIGTERM)
    assert status_of(end.value) == 143 and status_of(KeyboardInterrupt()) == 130
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize("minutes", [None, 10])
def test_several_processes_end_where_they_stand_unless_they_agree_on_a_step(minutes):
    def of_lightning(number, frame):  # it asks the others, who wait for this process elsewhere
        raise AssertionError

    midway = Midway(None, minutes=minutes, finite=None, out=None)
    with terminable():
        signal.signal(signal.SIGTERM, of_lightning)
        midway.on_train_start(SimpleNamespace(world_size=2), None)
        midway.on_train_epoch_start()
        if minutes is not None:
            os.kill(os.getpid(), signal.SIGTERM)  # waits for the end of the step
        with pytest.raises(Terminated):
            os.kill(os.getpid(), signal.SIGTERM)


def test_a_terminated_run_says_how_to_go_on_and_does_so(place, stopped):
    stopped(2, signal.SIGTERM)
    said = place.run("train.py", *RUN, EPOCHS, status=143)
    assert "stopped; continue with: python train.py" in said and "resume=auto" in said
    assert "epoch    1" in said and "Traceback" not in said and not place.runs()
    said = place.run("train.py", *RUN, EPOCHS, "resume=auto")
    assert "epoch    1" not in said and "epoch    3" in said and len(place.runs()) == 1


@pytest.mark.slow
def test_a_stopped_sweep_shows_what_is_done(place, stopped):
    stopped(2, signal.SIGINT)
    said = place.run("train.py", "-m", *RUN, "trainer.max_epochs=1", "seed=1,2,3", status=130)
    assert "2 jobs; test metrics" in said and "did not finish" in said
    assert "the same command skips finished jobs" in said and "Traceback" not in said


@pytest.mark.slow
def test_a_disk_that_fills_ends_a_run_in_one_line_and_the_last_epoch_is_kept(place, full):
    full(3)  # the best of the second epoch, or its last
    said = place.run("train.py", *RUN, EPOCHS, status=1)
    assert "the disk is full" in said and "resume=auto" in said and "Traceback" not in said
    assert not list(place.outputs.glob("**/*.part"))
    said = place.run("train.py", *RUN, EPOCHS, "resume=auto")
    assert "epoch    1" not in said and len(place.runs()) == 1


@pytest.mark.slow
def test_the_other_jobs_of_a_sweep_go_on_when_a_disk_was_full(place, full):
    full(1)
    command = ("train.py", "-m", *RUN, "model=popularity,markov")
    said = place.run(*command, status=1)
    assert "failed" in said and "the disk is full" in said and len(place.runs()) == 1
    place.run(*command)
    assert len(place.runs()) == 2


def test_lists_that_do_not_fit_leave_no_file(finished, tmp_path, monkeypatch):
    shared = finished("default")

    def write(self, file):
        file.write_bytes(b"half")
        raise pl.exceptions.ComputeError("underlying IO error: No space left on device (28)")

    monkeypatch.setattr(pl.DataFrame, "write_parquet", write)
    ask = (f"run={shared.run}", f"out={tmp_path / 'lists.parquet'}")
    said = shared.place.run("scripts/recommend.py", *ask, status=1)
    assert "the disk is full" in said and not list(tmp_path.glob("lists*"))
