"""Presets for debugging do what they say, and keys that change speed change nothing else."""

import pytest
import torch
from helpers.place import ranked

from seqrec.experiment.python import train
from seqrec.run.folder import RunFolder

SMALL = ("data=synthetic", "data.n_users=120", "data.n_items=40", "data.length=14", "dim=16",
         "trainer=cpu", "trainer.precision=fp32")  # fmt: skip


@pytest.fixture
def run(tmp_path):
    """Train in a place of its own."""

    def trained(*overrides: str) -> RunFolder:
        places = (f"paths.output_dir={tmp_path}/out", f"paths.cache_dir={tmp_path}/stores")
        return train(*SMALL, *places, *overrides)

    return trained


def test_fast_trains_on_a_few_batches_and_comes_to_the_end_of_a_run(run):
    folder = run("debug=fast", "batch.size=4")
    last = torch.load(folder.last, weights_only=True)
    assert last["global_step"] == 10  # of 30 batches
    assert folder.finished and len(folder.history()) == 1


def test_overfit_learns_one_batch_by_heart(run):
    folder = run("debug=overfit", "model=sasrec")
    history = folder.history()
    assert history[0]["train/loss"] > 1 and history[-1]["train/loss"] < 0.1
    assert torch.load(folder.last, weights_only=True)["global_step"] == len(history) == 100


@pytest.mark.filterwarnings("ignore:The PyTorch Profiler default schedule:UserWarning")
@pytest.mark.parametrize(
    ("kind", "row"),
    [("operations", "aten::"), ("functions", "training_step"), ("simple", "run_training_batch")],
)
def test_a_profile_is_in_the_folder_of_the_run(run, kind, row):
    folder = run("debug=profile", f"trainer.profiler={kind}", "trainer.limit_batches=4")
    assert row in (folder.path / "fit-profile.txt").read_text()


def test_what_changes_speed_changes_no_result_beyond_rounding(run):
    given = ("trainer.max_epochs=2", "logger=none")
    here = ranked(run(*given).path)
    other = ("batch.eval_size=7", "loss.memory_mb=0.03", "trainer.profiler=simple")
    assert ranked(run(*given, *other).path) == pytest.approx(here, rel=1e-3)
