"""The command that exports: a bundle that answers as its run does, or none."""

import json
import shutil

import numpy as np
import polars as pl
import pytest
from helpers.place import Place

from seqrec.bundle import Bundle
from seqrec.export import export
from seqrec.export.graph import Graph, exportable
from seqrec.export.tensors import write_tensors
from seqrec.recommend import Recommender
from seqrec.run.folder import RunFolder


def here(run, folder, kind, **_):
    """Write weights in this process: a new one takes seconds, and nothing is captured."""
    asks = Recommender.of(RunFolder.open(run))
    return write_tensors(Graph(exportable(asks.model)).eval(), asks.events, folder)


def in_process(monkeypatch, *, write=here):
    monkeypatch.setattr(export, "captured_apart", write)
    return "format=tensors"


@pytest.fixture
def default(finished, tmp_path):
    """A place with the data of the finished run, and that run."""
    shared = finished("default")
    place = Place(tmp_path)
    place.env["SEQREC_CACHE_DIR"] = shared.place.env["SEQREC_CACHE_DIR"]
    return place, shared.run


def test_a_run_becomes_a_bundle_whose_card_and_figures_say_what_it_is(default, monkeypatch):
    place, run = default
    out = place.folder / "bundle"
    said = place.run("scripts/export.py", f"run={run}", f"out={out}", in_process(monkeypatch))
    assert "0 different" in said
    assert "overlap@10" in said
    parity = json.loads((out / "parity.json").read_text())
    assert parity["passed"]
    assert parity["requests"] > 200  # all test users, and cut histories
    assert {1, 2, 7} <= set(parity["lengths"])
    assert len(json.loads((out / "golden.json").read_text())) == 20
    assert pl.read_parquet(out / "requests.parquet").height >= 200
    card = (out / "card.md").read_text()
    for part in ("## Data", "## Metrics", "95 %", "leaks", "## Slices", "## Limits", "ndcg@10"):
        assert part in card
    assert sorted(path.name for path in place.folder.iterdir()) == ["bundle"]
    assert Bundle.open(out, full=True).manifest["run"]["run_id"] in card


@pytest.mark.parametrize("name", ["context", "features"])
def test_events_and_features_go_through_the_gate(name, finished, tmp_path, monkeypatch):
    shared, place = finished(name), Place(tmp_path)
    place.env["SEQREC_CACHE_DIR"] = shared.place.env["SEQREC_CACHE_DIR"]
    out = tmp_path / "bundle"
    said = place.run(
        "scripts/export.py", f"run={shared.run}", f"out={out}", in_process(monkeypatch)
    )
    assert "0 different" in said


def test_a_bundle_that_answers_otherwise_is_not_kept_and_the_worst_are_shown(default, monkeypatch):
    def spoiled(run, folder, kind, **_):
        names = here(run, folder, kind)
        with np.load(folder / "model.npz") as arrays:
            changed = {name: values * 1.01 for name, values in arrays.items()}
        np.savez(folder / "model.npz", **changed)
        return names

    place, run = default
    out = place.folder / "bundle"
    kind = in_process(monkeypatch, write=spoiled)
    said = place.run("scripts/export.py", f"run={run}", f"out={out}", kind, status=1)
    assert "doesn't answer as its run does" in said
    assert said.count("user u") == 5
    assert list(place.folder.iterdir()) == []


def test_a_full_disk_leaves_nothing(default, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    place, run = default
    kind = in_process(monkeypatch, write=full)
    words = ("scripts/export.py", f"run={run}", f"out={place.folder / 'bundle'}", kind)
    assert "the disk is full" in place.run(*words, status=1)
    assert list(place.folder.iterdir()) == []


def test_stopping_leaves_nothing(default, monkeypatch):
    def stopped(*_, **__):
        raise KeyboardInterrupt

    place, run = default
    kind = in_process(monkeypatch, write=stopped)
    words = ("scripts/export.py", f"run={run}", f"out={place.folder / 'bundle'}", kind)
    assert "stopped" in place.run(*words, status=130)
    assert list(place.folder.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (["run=RUN", "out=THERE"], 2, "exists, and a bundle is never written over"),
        (["run=RUN", "out=NEW", "format=torchscript"], 2, "choose onnx, pt2, tensors"),
        (["run=RUN", "out=NEW", "users=0"], 2, "at least 1"),
        (["run=RUN", "out=THERE/file/NEW"], 2, "it is a file"),
        (["run=THERE", "out=NEW"], 1, "not the folder of a run"),
        (["out=NEW"], 2, "give one of run=FOLDER and check=BUNDLE"),
        (["run=RUN", "check=THERE"], 2, "give one of run=FOLDER and check=BUNDLE"),
        (["check=THERE"], 1, "not a bundle"),
    ],
)
def test_what_is_wrong_is_told_and_nothing_is_left(words, status, told, default):
    place, run = default
    there = place.folder / "there"
    there.mkdir()
    (there / "file").write_text("mine")
    names = {"RUN": str(run), "THERE": str(there), "NEW": str(place.folder / "new")}
    for name, path in names.items():
        words = [word.replace(name, path) for word in words]
    assert told in place.run("scripts/export.py", *words, status=status)
    assert sorted(path.name for path in place.folder.iterdir()) in (["there"], ["cache", "there"])


def test_a_run_that_is_not_finished_is_refused(default):
    place, run = default
    copy = place.copy(run)
    (copy / "metrics.json").unlink()
    out = place.folder / "bundle"
    assert "resume=auto" in place.run("scripts/export.py", f"run={copy}", f"out={out}", status=1)


def test_a_damaged_checkpoint_is_named(default):
    place, run = default
    copy = place.copy(run)
    file = copy / "checkpoints" / "best.ckpt"
    file.write_bytes(file.read_bytes()[:-100])
    said = place.run("scripts/export.py", f"run={copy}", f"out={place.folder / 'new'}", status=1)
    assert "best.ckpt" in said


def test_a_counted_model_is_refused_by_name(finished, tmp_path):
    run, place = finished("markov").run, Place(tmp_path)
    said = place.run("scripts/export.py", f"run={run}", f"out={tmp_path / 'new'}", status=2)
    assert "Markov is a baseline" in said


@pytest.mark.slow
def test_a_captured_graph_answers_as_its_run_wherever_it_is_taken(default, exported, tmp_path):
    place, run = default
    bundle, moved = exported("default"), tmp_path / "elsewhere" / "b"
    assert "0 different" in bundle.said
    assert f"serve.py bundle={bundle.folder}" in bundle.said
    shutil.copytree(bundle.folder, moved)
    said = place.run("scripts/export.py", f"check={moved}")
    assert "20 requests answered as by the run" in said
    session = ["i1", "i2", "nothing"]
    own, asks = Bundle.open(moved).recommend(session), Recommender.load(run).recommend(session)
    assert own.items["item"].to_list() == asks.items["item"].to_list()
    file = moved / "model.onnx"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    assert "model.onnx" in place.run("scripts/export.py", f"check={moved}", status=1)
