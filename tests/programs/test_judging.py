"""What a run says and keeps of its evaluation: card, lists, sampled negatives, groups."""

import json

import numpy as np
import polars as pl
import pytest
from helpers.place import QUICK, SMALL, metrics

pytestmark = pytest.mark.slow


def test_a_run_writes_its_card(finished):
    run, said = finished("popularity").run, finished("popularity").said
    card = json.loads((run / "protocol.json").read_text())
    assert card["protocol_id"] in (run / "protocol.md").read_text()
    assert card["leaks"][0] in " ".join(said.split())


def test_strict_stops_a_run_that_leaks(place):
    given = ["data=synthetic", "data.n_users=50", "logger=none", "model=popularity"]
    said = place.run("train.py", *given, "protocol=strict", status=2)
    assert "leaks into the training" in said and not place.runs()


def test_a_run_has_sampled_metrics_beside_the_full_ones_and_says_so(place):
    given = [*SMALL, "logger=none", "trainer=cpu", "trainer.max_epochs=2", "model=gru4rec"]
    said = place.run("train.py", *given, "evaluation.sampled=10", "batch.eval_size=33")
    assert "sampled10_ndcg@10" in said
    place.run("train.py", *given)
    sampled, plain = (metrics(run) for run in place.runs())
    extra = sampled.keys() - plain.keys()
    assert {"test/sampled10_ndcg@10", "popularity/sampled10_hit_rate@5"} <= extra
    assert all(key.partition("/")[2].startswith("sampled10_") for key in extra)
    assert {k: sampled[k] for k in plain if "seconds" not in k and "memory" not in k} == {
        k: v for k, v in plain.items() if "seconds" not in k and "memory" not in k
    }
    assert sampled["test/sampled10_hit_rate@10"] > sampled["test/hit_rate@10"]
    run = place.runs()[0]
    card = json.loads((run / "protocol.json").read_text())
    assert card["sampled"]["name"] == "sampled10"
    assert card["sampled"]["hash"] in (run / "protocol.md").read_text()
    again = place.run("scripts/evaluate.py", f"run={run}")
    assert "equal to metrics.json" in again and "sampled10_mrr" in again
    other = place.run("scripts/evaluate.py", f"run={place.runs()[1]}", "sampled=10")
    assert "equal to metrics.json" in other and "sampled10_mrr" in other


def test_a_run_keeps_its_lists_and_describes_them(place, tmp_path):
    events = tmp_path / "events.csv"
    random = np.random.default_rng(0)
    rows = [(u, i, t) for u in range(60) for t, i in enumerate(random.permutation(20)[:8])]
    lines = "".join(f"u{u},i{i},{t}\n" for u, i, t in rows)
    events.write_text("user,item,timestamp\n" + lines)
    kinds = "".join(f"i{i},thing {i},k{i % 4}\n" for i in range(20))
    (tmp_path / "items.csv").write_text("item,title,kind\n" + kinds)
    given = ["data=files", f"data.path={events}", f"data.items_path={tmp_path / 'items.csv'}"]
    given += ["data.user=user", "data.item=item", "data.items_item=item", "data.items_title=title"]
    given += ["prepare.k_core=0", "logger=none", "trainer=cpu", "model=popularity"]
    said = place.run("train.py", *given)
    [run] = place.runs()
    found = metrics(run)
    [head] = [line for line in said.splitlines() if "lists of 10" in line]
    assert "diversity" in head and "miscalibration" in head
    assert found["test/serendipity@10"] == 0 == found["popularity/serendipity@10"]
    assert found["test/diversity@10"] == found["popularity/diversity@10"] > 0.5
    gap = found["slices/item=head/ndcg@10"] - found["slices/item=tail/ndcg@10"]
    assert found["gaps/item/ndcg@10"] == gap
    lists, ranks = (pl.read_parquet(run / f"{name}.parquet") for name in ("lists", "ranks"))
    assert lists.select("user", "item").equals(ranks.select("user", "item"))
    for listed, item, rank in zip(lists["recommended"], lists["item"], ranks["rank"], strict=True):
        assert len(set(listed)) == len(listed) == 13  # of a list of 20; seven were seen
        assert listed[rank - 1] == item
    assert (ranks["rank"] == ranks["popularity_rank"]).all()
    assert "described by kind" in (run / "protocol.md").read_text()
    said = place.run("train.py", *given, "evaluation.category=colour", status=2)
    assert "no column 'colour'" in said and "kind" in said


@pytest.mark.parametrize(
    "model", [("model=popularity",), ("model=gru4rec", "trainer.max_epochs=1")]
)
def test_runs_tell_gaps_between_groups(model, place, tmp_path):
    random = np.random.default_rng(0)
    rows = [
        f"u{u},i{i},{t}\n" for u in range(150) for t, i in enumerate(random.permutation(20)[:6])
    ]
    (tmp_path / "e.csv").write_text("user_id,item_id,timestamp\n" + "".join(rows))
    sides = "".join(f"u{u},{'LR'[u % 2]},k{u}\n" for u in range(150))
    (tmp_path / "u.csv").write_text("user_id,side,key\n" + sides)
    given = [*model, "data=files", f"data.raw_dir={tmp_path}", "data.path=e.csv", "logger=none"]
    given += ["data.users_path=u.csv", "prepare.k_core=0", "trainer=cpu", "dim=8"]
    said = place.run("train.py", *given)
    [run] = place.runs()
    found = metrics(run)
    left, right = (found[f"slices/side={side}/ndcg@10"] for side in "LR")
    assert found["slices/side=L/events"] == 75 and found["gaps/side/ndcg@10"] == abs(left - right)
    assert f"side {abs(left - right):.4f} (L {left:.4f}, R {right:.4f})" in said
    ranks = pl.read_parquet(run / "ranks.parquet")
    assert ranks.filter(pl.col("user") == "u7")["user.side"].to_list() == ["R"]
    said = place.run("train.py", *given, "evaluation.groups=[sides]", status=2)
    assert "did you mean side?" in said
    assert "equal to metrics.json" in place.run("scripts/evaluate.py", f"run={run}")


def test_lists_of_generators_are_judged_by_the_next_events(place):
    place.run("train.py", *QUICK, "logger=none", "model=markov", "split=temporal")
    [run] = place.runs()
    save, picture = place.folder / "horizon.json", place.folder / "horizon.svg"
    given = (f"run={run}", "horizon=4", "generator=[topk, greedy, sample]", "sequences=5")
    said = place.run("scripts/evaluate.py", *given, f"save={save}", f"picture={picture}")
    assert "lists of 4 against the next 4 events" in said and "next events, " in said
    found = json.loads(save.read_text())
    assert list(found) == ["topk", "greedy", "sample"] and picture.read_text().startswith("<svg")
    for one in found.values():
        assert len(one["hit_by_event"]) == 4 and 0 < one["coverage"] <= 1
        assert 0 < one["ndcg@4"] < 1 and one["recall@4"] <= one["hit_rate@4"]
    answer = place.run("scripts/recommend.py", f"run={run}", "items=[i3, i17]", "generator=greedy")
    assert "recommended" in answer


def test_what_no_horizon_has_is_refused(place, finished):
    run = f"run={finished('default').run}"

    def refused(*given: str) -> str:
        return place.run("scripts/evaluate.py", run, *given, status=2)

    assert "holds out single events" in refused("horizon=3")
    assert "add horizon=10" in refused("generator=sample")
    assert "generator=smaple: unknown, did you mean sample" in refused(
        "horizon=3", "generator=smaple"
    )
    assert "sequnces: unknown, did you mean sequences" in refused(
        "horizon=3", "generator=sample", "sequnces=3"
    )
    assert "mask_sen: unknown, did you mean mask_seen" in refused("mask_sen=true")


def test_what_was_shown_at_random_is_a_slice_of_its_own(place, tmp_path):
    """Any data with a column ``exposure`` has it."""
    random = np.random.default_rng(0)
    rows = ["user_id,item_id,timestamp,exposure"]
    for user in range(60):
        for at in range(8):
            shown = "random" if user % 3 == 0 and at == 7 else "chosen"
            rows.append(f"u{user},i{random.integers(15)},{at},{shown}")
    (tmp_path / "shown.csv").write_text("\n".join(rows))
    place.run(
        *("train.py", "data=files", f"data.path={tmp_path / 'shown.csv'}", "logger=none"),
        *("data.context=[exposure]", "prepare.k_core=0", "prepare.repeats=keep"),
        *("model=popularity", "evaluation.ks=[5]", "evaluation.monitor=ndcg@5"),
        "evaluation.mask_seen=false",
    )
    found = metrics(place.runs()[0])
    assert found["slices/exposure=random/events"] == 20
    assert found["slices/exposure=chosen/events"] == 40
    gap = found["slices/exposure=random/ndcg@5"] - found["slices/exposure=chosen/ndcg@5"]
    assert found["gaps/exposure/ndcg@5"] == pytest.approx(gap)
    assert 0 < found["balanced/ndcg@5"] < 1
