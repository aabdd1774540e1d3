"""What a user asks a finished run: why an item, and how far the answer can be trusted."""

import json
import shutil

import polars as pl
import pytest
import torch

from seqrec.clock import instant
from seqrec.explain.media import log_audit
from seqrec.recommend import Recommender
from seqrec.run.folder import RunFolder

PROGRAM = "scripts/explain.py"
QUICK = ("users=12", "shapley.permutations=4", "integrated_gradients.steps=4")
SESSION = "items=[i3, i17, nothing, i5, i9, i21]"


@pytest.fixture(scope="module")
def audited(finished, tmp_path_factory):
    """A copy of a finished run that was audited, and what was printed."""
    from helpers.place import Place

    shared = finished("default")
    place = Place(shared.place.folder)  # its cache holds the data
    run = shutil.copytree(shared.run, tmp_path_factory.mktemp("audited") / "run")
    return run, place.run(PROGRAM, f"run={run}", "audit=true", *QUICK)


def test_an_answer_has_titles_bars_and_a_sentence(finished):
    shared = finished("default")
    said = shared.place.run(PROGRAM, f"run={shared.run}", SESSION, "methods=[shapley, recency]")
    assert "rank     1, score" in said and "█" in said and "item 3" in said
    assert "but      without item" in said or "no set of events" in said
    assert "recency: not audited" in said and "left out: nothing" in said


def test_an_answer_as_json_is_also_written(finished, tmp_path):
    shared, out = finished("default"), tmp_path / "why.json"
    said = shared.place.run(
        PROGRAM, f"run={shared.run}", SESSION, "target=i8", "instead=i11",
        "method=integrated_gradients", "steps=8", "format=json", f"out={out}",
    )  # fmt: skip
    found = json.loads(said)
    assert found == json.loads(out.read_text()) and list(tmp_path.iterdir()) == [out]
    assert found["target"]["item"] == "i8" and found["instead"]["item"] == "i11"
    assert [row["item"] for row in found["history"]] == ["i3", "i17", "i5", "i9", "i21"]
    total = sum(row["integrated_gradients"] for row in found["history"])
    assert total == pytest.approx(
        found["methods"]["integrated_gradients"]["about"]["whole"], rel=0.02
    )
    assert found["methods"]["integrated_gradients"]["fidelity"]["why"].startswith("not audited")


def test_a_baseline_is_explained_and_what_needs_vectors_is_refused(finished):
    shared = finished("markov")
    said = shared.place.run(PROGRAM, f"run={shared.run}", "user=u7", "format=json")
    weights = [row["leave_one_out"] for row in json.loads(said)["history"]]
    assert weights[-1] != 0 and not any(weights[:-1])  # a chain of order one reads the last event
    said = shared.place.run(PROGRAM, f"run={shared.run}", "user=u7", "method=similarity", status=2)
    assert "similarity needs a model with vectors" in said and "fix:" in said


def test_a_user_of_a_popularity_run_has_no_reason(finished):
    shared = finished("popularity")
    said = shared.place.run(PROGRAM, f"run={shared.run}", "user=u7")
    assert "no set of events was found without which item" in said


def test_a_history_of_one_event_is_said_to_be_one(finished):
    shared = finished("default")
    said = shared.place.run(PROGRAM, f"run={shared.run}", "items=[i3]")
    assert "the history has one event" in said


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        ([SESSION, "target=i99"], 1, "the run's catalogue has no item 'i99'"),
        ([SESSION, "mask_seen=true", "target=i3"], 1, "followed by 34 (i3) is in the history"),
        ([SESSION, "mask_seen=true", "instead=i3"], 1, "where: instead"),
        (["items=[x, y]"], 1, "none of the 2 items is in the run's catalogue"),
        ([SESSION, "k=40"], 2, "k=40: a list from 1 to 39 items"),
        ([SESSION, "k=0"], 2, "k=0: a list from 1"),
        ([SESSION, "method=shaply"], 2, "did you mean shapley?"),
        ([SESSION, "step=9"], 2, "step: unknown"),
        ([SESSION, "user=u1"], 2, "give one of items="),
        ([SESSION, "format=yaml"], 2, "choose text or json"),
        ([SESSION, "out=why.txt"], 2, "use .json or .html"),
        ([SESSION, "out=nowhere/why.json"], 2, "a folder that doesn't exist"),
        ([SESSION, "counterfactual.k=3"], 2, "write k=10"),
        (["audit=true", "user=u1"], 2, "takes no user="),
        (["audit=true", "method=counterfactual"], 2, "it has no fidelity"),
        (["audit=true", "users=1"], 2, "must be at least 2"),
        (["audit=true", "seed=-1"], 2, "seed=-1: must be at least 0"),
        ([SESSION, "out=/proc/why.json"], 2, "can't be written"),
        ([SESSION, "method=rollout"], 2, "rollout needs an encoder with attention"),
    ],
)
def test_what_can_not_be_answered_is_refused_in_words(finished, arguments, status, said):
    shared = finished("default")
    printed = shared.place.run(PROGRAM, f"run={shared.run}", *arguments, status=status)
    assert said in printed and "Traceback" not in printed


def test_mask_seen_lets_an_item_of_the_history_be_asked_about(finished):
    shared = finished("default")
    ask = (PROGRAM, f"run={shared.run}", SESSION, "target=i3")
    assert "add mask_seen=false" in shared.place.run(*ask, "mask_seen=true", status=1)
    said = shared.place.run(*ask, "mask_seen=false", "counterfactual=false")
    assert "(i3)" in said and "but  " not in said


def test_damaged_weights_are_told(finished, tmp_path):
    shared = finished("default")
    run = shutil.copytree(shared.run, tmp_path / "run")
    best = run / "checkpoints" / "best.ckpt"
    content = torch.load(best, weights_only=True)
    for name, value in content["state_dict"].items():
        if name.startswith("model.encoder"):
            value.fill_(torch.nan)
    torch.save(content, best)
    (run / "manifest.json").unlink()
    for arguments in ([SESSION], [SESSION, "target=i8"], ["audit=true", *QUICK]):
        said = shared.place.run(PROGRAM, f"run={run}", *arguments, status=1)
        assert "aren't finite numbers" in said, arguments


def test_an_audit_of_other_data_is_refused(finished, tmp_path):
    shared = finished("default")
    run = shutil.copytree(shared.run, tmp_path / "run")
    about = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps(about | {"data_hash": "0" * 64}))
    (run / "manifest.json").unlink()
    said = shared.place.run(PROGRAM, f"run={run}", "audit=true", status=1)
    assert "the data isn't what the run was trained on" in said and "items=" not in said


def test_an_audit_leaves_its_files_and_tables(audited):
    run, said = audited
    assert "POS@5,Ke3" in said and "left out" in said  # an LSTM has no attention to roll out
    content = json.loads((run / "explanations.json").read_text())
    assert content["users"] == 12 and "rollout" in content["left_out"]
    loo = content["methods"]["leave_one_out"]
    assert set(loo["metrics"]["POS@5,Ke3"]["against"]) == {"random", "recency"}
    assert set(loo["sanity"]) == {"head", "encoder", "table"}
    assert content["methods"]["shapley"]["complete"]["share"] == 1
    assert content["methods"]["shapley"]["settings"]["permutations"] == 4
    assert sum(row["events"] for row in content["by_distance"]) == pytest.approx(1, abs=1e-2)
    text = (run / "explanations.md").read_text()
    assert "| `leave_one_out` | `recency` |" in text and "| distance | of the events |" in text
    table = pl.read_parquet(run / "explanations.parquet")
    assert len(table) == 12 * len(content["methods"])
    one = table.filter(method="leave_one_out").row(0, named=True)
    answer = Recommender.load(run).recommend(one["items"], k=1).items["item"][0]
    assert answer == one["target"] and len(one["weights"]) == len(one["items"])
    assert not list(run.glob("*.part"))


def test_an_audit_of_planted_data_says_whether_the_cause_comes_first(audited):
    content = json.loads((audited[0] / "explanations.json").read_text())
    assert set(content["planted"]) == set(content["methods"])
    assert all(0 <= each["share"] <= 1 <= each["users"] for each in content["planted"].values())
    assert "cause first" in audited[1] and "planted" in (audited[0] / "explanations.md").read_text()


def test_an_audit_leaves_a_page_and_says_where(audited):
    run, said = audited
    assert f"{run / 'explanations.html'}: which events matter" in said
    page = (run / "explanations.html").read_text()
    assert page.count('class="plot"') == 2 and "By recency" in page  # no category, one column


def test_an_audit_goes_to_wandb_if_the_run_was_logged_there(audited, finished):
    run, said = audited
    parts = sorted(run.glob("wandb/offline-run-*"))
    assert len(parts) == 2 and f"wandb sync {parts[0]} {parts[1]}" in said
    [table] = parts[1].glob("files/media/table/explanations_*.json")
    rows = {row[0]: row[1] for row in json.loads(table.read_text())["data"]}
    content = json.loads((run / "explanations.json").read_text())
    for method, found in content["methods"].items():
        assert rows[method] == found["metrics"]["POS@5,Ke3"]["mean"]
    shared = finished("context")  # logger=none
    config = Recommender.load(shared.run).config
    assert log_audit(RunFolder.open(shared.run), config, content) == []


def test_columns_and_times_are_shown(finished, tmp_path):
    shared, out = finished("context"), tmp_path / "why.html"
    user = Recommender.load(shared.run).session
    [name] = [each for each in ("u1", "u2") if len(user(each).items) > 1][:1]
    ask = (PROGRAM, f"run={shared.run}", f"user={name}", "method=leave_one_out", f"out={out}")
    said = shared.place.run(*ask)
    assert "by column, the sum over all events" in said and "event.dwell" in said and "day" in said
    assert "Weights by column" in out.read_text()
    found = json.loads(shared.place.run(*ask, "format=json"))
    columns = found["methods"]["leave_one_out"]["columns"]
    assert set(columns) >= {"item", "event.device", "event.dwell"}
    assert all(len(weights) == len(found["history"]) for weights in columns.values())
    assert all(instant(row["time"], where="time") is not None for row in found["history"])


def test_weights_are_printed_with_their_fidelity(audited, finished):
    run, place = audited[0], finished("default").place
    said = place.run("scripts/recommend.py", f"run={run}", SESSION)
    assert "weights  attention: POS@5,Ke3 " in said and "12 users)" in said
    found = json.loads(place.run("scripts/recommend.py", f"run={run}", SESSION, "format=json"))
    assert found["fidelity"]["metric"] == "POS@5,Ke3" and 0 <= found["fidelity"]["random"] <= 1
    said = place.run(PROGRAM, f"run={run}", SESSION, "methods=[leave_one_out, shapley]")
    assert "leave_one_out: POS@5,Ke3 " in said and "shapley: audited with other options" in said


def test_an_audit_of_other_weights_or_a_damaged_one_does_not_hold(audited, finished, tmp_path):
    place, run = finished("default").place, shutil.copytree(audited[0], tmp_path / "run")
    ask = ("scripts/recommend.py", f"run={run}", SESSION)
    best = run / "checkpoints" / "best.ckpt"
    content = torch.load(best, weights_only=True)
    torch.save(content | {"epoch": 99}, best)
    (run / "manifest.json").unlink()  # the change is meant
    assert "the weights have changed since" in place.run(*ask)
    (run / "explanations.json").write_text("{")
    assert "explanations.json is damaged" in place.run(*ask)
    (run / "explanations.json").unlink()
    assert "attention: not audited; " in place.run(*ask)


def test_a_page_is_written_for_a_model_and_for_a_baseline(finished, tmp_path):
    for name, pictures in (("default", 3), ("markov", 1)):
        shared, out = finished(name), tmp_path / f"{name}.html"
        session = "items=[i3, i17, i5]"
        said = shared.place.run(PROGRAM, f"run={shared.run}", session, "instead=i9", f"out={out}")
        assert "written" in said and out.read_text().count('class="plot"') == pictures
    assert len(list(tmp_path.iterdir())) == 2


def test_a_method_may_compare_with_other_users_of_the_data(finished):
    shared = finished("default")
    ask = (PROGRAM, f"run={shared.run}", SESSION, "method=integrated_gradients", "baseline=users")
    found = [
        json.loads(shared.place.run(*ask, "steps=4", "draws=2", "format=json", f"seed={seed}"))
        for seed in (0, 0, 1)
    ]
    assert found[0] == found[1] != found[2]
