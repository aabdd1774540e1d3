"""Runs that train an adapter, compressed runs, and questions to users."""

import json

import pytest
import torch
from helpers.place import Place, metrics

from seqrec.adapter import read_adapter
from seqrec.errors import RunError
from seqrec.recommend import Recommender

pytestmark = pytest.mark.slow
SESSION = ["i1", "i2", "i3"]


@pytest.fixture(autouse=True)
def _few_requests(monkeypatch):
    """No test depends on how long a request takes."""
    monkeypatch.setattr("seqrec.compression.measure.REQUESTS", 2)
    monkeypatch.setattr("seqrec.compression.measure.BATCHES", 1)


@pytest.fixture(scope="module")
def place(finished, tmp_path_factory):
    """A place with a finished run; further ones lie beside it."""
    shared = finished("default")
    made = Place(tmp_path_factory.mktemp("adapting"))
    made.env["SEQREC_CACHE_DIR"] = shared.place.env["SEQREC_CACHE_DIR"]
    made.base = made.copy(shared.run)
    return made


@pytest.fixture(scope="module")
def adapted(place):
    """A run that trained a low-rank change of the first."""
    given = json.loads((place.base / "run.json").read_text())["overrides"]
    quick = [each for each in given if not each.startswith(("logger", "trainer.max_epochs"))]
    more = ("logger=none", "trainer.max_epochs=2", "adapter=lora", f"checkpoint={place.base}")
    place.said = place.run("train.py", *quick, *more, "optimizer.lr=0.05")
    return place.runs()[-1]


def test_only_the_adapter_is_trained_and_stored_alone(place, adapted):
    trained, node, base = read_adapter(adapted / "adapter.ckpt")
    assert all(name.rpartition(".")[2] in ("a_RI", "b_OR") for name in trained)
    assert node["_target_"].endswith("LoRA") and base["run"] == str(place.base)
    assert sum(value.numel() for value in trained.values()) == metrics(adapted)["parameters"]
    state = torch.load(adapted / "checkpoints/best.ckpt", weights_only=True)["state_dict"]
    before = torch.load(place.base / "checkpoints/best.ckpt", weights_only=True)["state_dict"]
    name = "encoder.rnn.{}weight_hh_l0"
    kept = state["model." + name.format("parametrizations.").replace("_l0", "_l0.original")]
    assert torch.equal(kept, before["model." + name.format("")])


def test_it_evaluates_recommends_and_stands_on_its_base(place, adapted):
    assert "equal to metrics.json" in place.run("scripts/evaluate.py", f"run={adapted}")
    own = Recommender.load(adapted).recommend(SESSION, k=5)
    stacked = Recommender.load(place.base, adapter=adapted / "adapter.ckpt")
    assert own.items.equals(stacked.recommend(SESSION, k=5).items)
    with pytest.raises(RunError, match="trained from another run"):
        Recommender.load(adapted, adapter=adapted / "adapter.ckpt")


def test_an_adapter_needs_a_run_to_begin_with(place):
    said = place.run("train.py", "adapter=lora", status=2)
    assert "name that, checkpoint=FOLDER" in said


@pytest.mark.parametrize("way", [["quantize"], ["prune", "share=0.1"], ["quantize", "table=4"]])
def test_a_compressed_run_is_a_run(place, way):
    out = place.folder / "-".join(way)
    args = (f"run={place.base}", f"compress={way[0]}", *way[1:], f"out={out}", "max_loss=1")
    said = place.run("scripts/compress.py", *args)
    assert "bring no speed" in said and "weights, bytes" in said and f"run={out}" in said
    assert "equal to metrics.json" in place.run("scripts/evaluate.py", f"run={out}")
    assert len(Recommender.load(out).recommend(SESSION, k=5).items) == 5
    config = (out / "config.yaml").read_text()
    assert "seqrec.compression.made.Made" in config and str(place.base) in config
    small = (out / "checkpoints/best.ckpt").stat().st_size
    assert small < (place.base / "checkpoints/best.ckpt").stat().st_size


def test_a_compressed_run_is_made_again_by_its_own_command(place):
    out = place.folder / "again"
    place.run("scripts/compress.py", f"run={place.base}", "max_loss=1", f"out={out}")
    said = place.run("scripts/reproduce.py", f"run={out}", status=1)
    assert "without training" in said and "scripts/compress.py" in said


def test_a_compressed_run_is_compared_with_its_own(place):
    out = place.folder / "beside"
    place.run("scripts/compress.py", f"run={place.base}", "max_loss=1", f"out={out}")
    said = place.run("scripts/compare.py", str(place.base), str(out))
    assert "2 rows have a single run" in said


def test_what_loses_too_much_is_not_kept(place):
    out = place.folder / "ruined"
    args = ("compress=prune", "share=1", "table=1", f"out={out}", "max_loss=0")
    said = place.run("scripts/compress.py", f"run={place.base}", *args, status=1)
    assert "refused" in said and "nothing was kept" in said and not out.exists()


def test_an_adapted_run_is_merged_when_it_is_compressed(place, adapted):
    out = place.folder / "merged"
    place.run("scripts/compress.py", f"run={adapted}", "max_loss=1", f"out={out}")
    assert "adapter: null" in (out / "config.yaml").read_text()
    assert "equal to metrics.json" in place.run("scripts/evaluate.py", f"run={out}")


def test_mistakes_are_told_before_anything_is_read(place):
    said = place.run("scripts/compress.py", f"run={place.base}", "compress=quantise", status=2)
    assert "quantize" in said
    said = place.run("scripts/compress.py", f"run={place.base}", "shrae=1", status=2)
    assert "shrae" in said
    said = place.run("scripts/ask.py", f"run={place.base}", "strategy=luck", status=2)
    assert "entropy, margin, variance" in said
    said = place.run("scripts/ask.py", f"run={place.base}", "shares=[0.5,0.2]", status=2)
    assert "must increase" in said


@pytest.mark.parametrize("strategy", ["entropy", "margin", "variance", "popularity", "random"])
def test_a_user_is_asked_about_items_that_they_are_not_known_to_have(place, strategy):
    args = (f"run={place.base}", "items=[i1, i2, i3]", f"strategy={strategy}", "k=4")
    said = place.run("scripts/ask.py", *args)
    rows = [line for line in said.splitlines() if line.startswith("│")]
    assert len(rows) == 4 and said == place.run("scripts/ask.py", *args)
    assert not {"i1", "i2", "i3"} & {row.split("│")[2].strip() for row in rows}


def test_strategies_are_compared_by_the_share_of_events(place):
    out = place.folder / "ask.json"
    args = ("seeds=[1]", "epochs=1", "shares=[0.3,0.6,1]", "strategies=[variance,random]")
    said = place.run("scripts/ask.py", f"run={place.base}", *args, f"out={out}")
    assert "all events" in said and "variance - random" in said
    points = json.loads(out.read_text())["points"]
    events = {(point["strategy"], point["share"]): point["events"] for point in points}
    assert events["variance", 0.6] == events["random", 0.6] < events["all events", 1.0]
    page = place.folder / "ask.html"
    place.run("scripts/ask.py", f"run={place.base}", *args, f"out={page}")
    assert "What to ask for next" in page.read_text()
