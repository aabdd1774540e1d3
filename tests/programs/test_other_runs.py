"""Runs made of other runs: ensembles, students of a teacher, and runs that begin with weights."""

import json
import shutil

import pytest
from helpers.place import QUICK, curve, metrics, ranked

from seqrec.recommend import Recommender
from seqrec.run.folder import RunFolder

TEACH = ("logger=none", "model=lstm_attn", "dropout=0.3", "seed=7")


@pytest.fixture
def two(place, finished):
    """The folders of two finished runs of the same data."""
    return [place.copy(finished(name).run) for name in ("default", "markov")]


@pytest.mark.slow
def test_an_ensemble_is_a_run_like_any_other_and_needs_its_members_no_more(place, two):
    command = (*QUICK, "logger=none", "model=ensemble", "ensemble.combine=standardised")
    said = place.run("train.py", *command, f"ensemble.runs=[{two[0]},{two[1]}]")
    run = place.runs()[-1]
    assert "Ensemble of 2 runs, standardised" in said and "weights  0.50 0.50" in said
    assert "parameters" in metrics(run) and metrics(run)["parameters"] > 0
    best = max(metrics(each)["valid/ndcg@5"] for each in two)
    assert metrics(run)["valid/ndcg@5"] >= best  # each alone is one of the sums
    for each in two:
        shutil.rmtree(each)
    assert "equal to metrics.json" in place.run("scripts/evaluate.py", f"run={run}")
    listed = Recommender.load(run).recommend(["i3", "i17"], k=3).items
    assert len(listed) == 3
    told = place.run("scripts/export.py", f"run={run}", status=2)
    assert "an ensemble of 2 runs" in told and "can't be exported" in told
    told = place.run("scripts/explain.py", f"run={run}", "items=[i3,i17]", "method=leave_one_out")
    assert "i17" in told


@pytest.mark.slow
def test_an_ensemble_refuses_what_it_cant_combine(place, two):
    command = (*QUICK, "logger=none", "model=ensemble")
    runs = f"ensemble.runs=[{two[0]},{two[1]}]"
    told = place.run("train.py", *command, runs, status=2)
    assert "aren't logarithms" in told and "ensemble.combine=standardised" in told
    told = place.run("train.py", *command, f"ensemble.runs=[{two[0]}]", status=2)
    assert "name two finished runs or more" in told
    assert "ensemble.runs: must be given" in place.run("train.py", *command, status=2)
    told = place.run("train.py", *command, runs, "data.n_users=100", status=1)
    assert "the run has other data" in told


@pytest.mark.slow
def test_a_student_that_goes_on_learns_what_an_unbroken_one_does(place, two):
    teacher = ("objective=distil", "teacher=run", f"teacher.run={two[0]}")
    command = (*QUICK, *TEACH, *teacher, f"checkpoint={two[0]}")
    told = place.run("train.py", *command, "trainer.max_epochs=4")
    unbroken = place.runs()[-1]
    assert f"begins   with the weights of {two[0]}: 40 of 40 items" in told
    begun = json.loads((unbroken / "run.json").read_text())["begun"]
    assert begun["items"] == 40 and begun["taken"] and begun["run"] == str(two[0])
    place.run("train.py", *command, "trainer.max_epochs=2")
    first = place.runs()[-1]
    place.run("train.py", *command, "trainer.max_epochs=4", f"resume={first}")
    assert ranked(first) == ranked(unbroken) and curve(first) == curve(unbroken)
    assert not any("teacher" in name for name in RunFolder(first).weights())
    other = (*QUICK, *TEACH, *teacher[:2], f"teacher.run={unbroken}", f"checkpoint={two[0]}")
    refused = place.run("train.py", *other, "trainer.max_epochs=8", f"resume={first}", status=2)
    assert "teacher.run" in refused and "another configuration" in refused
    shutil.rmtree(two[0])  # a student that is evaluated or asked needs no teacher
    assert "equal to metrics.json" in place.run("scripts/evaluate.py", f"run={first}")


@pytest.mark.slow
def test_a_sweep_trains_anew_what_learns_from_changed_weights(place, two):
    command = ("-m", *QUICK, *TEACH, "trainer.max_epochs=1", f"checkpoint={two[0]}")
    place.run("train.py", *command)
    assert "already trained" in place.run("train.py", *command)
    best = two[0] / "checkpoints" / "best.ckpt"
    other = place.run("train.py", *QUICK, *TEACH, "trainer.max_epochs=1", "seed=8")
    assert "best     epoch 1" in other
    shutil.copy(place.runs()[-1] / "checkpoints" / "best.ckpt", best)
    (two[0] / "manifest.json").unlink()
    assert "already trained" not in place.run("train.py", *command)


def test_an_objective_and_a_teacher_need_each_other(place):
    told = place.run("train.py", *QUICK, "objective=distil", status=2)
    assert "objective=Distil learns from a finished run" in told
    told = place.run("train.py", *QUICK, "teacher=run", "teacher.run=x", status=2)
    assert "objective=NextItem asks none" in told
    told = place.run("train.py", *QUICK, "objective=distil", "teacher=run", status=2)
    assert "teacher.run: must be given" in told
    told = place.run("train.py", *QUICK, "model=popularity", "checkpoint=x", status=2)
    assert "checkpoint: a baseline is counted" in told
