"""What finished runs recommend: to sessions, users and everybody, with context and features."""

import json
import shutil
from dataclasses import replace

import polars as pl
import pytest
from helpers.finished import write_shop
from helpers.place import metrics
from polars.testing import assert_frame_equal

from seqrec.errors import DataError, RunError
from seqrec.recommend import Recommender, Session


def test_recommend_answers_unseen_sessions(place, finished):
    run = finished("default").run
    session = "items=[i3, i17, nothing, i3]"
    answer = json.loads(place.run("scripts/recommend.py", f"run={run}", session, "format=json"))
    assert answer["unknown"] == ["nothing"]
    assert [row["item"] for row in answer["history"]] == ["i3", "i17", "i3"]
    assert sum(row["attention"] for row in answer["history"]) == pytest.approx(1)
    assert [row["rank"] for row in answer["items"]] == list(range(1, 11))
    scores = [row["score"] for row in answer["items"]]
    assert scores == sorted(scores, reverse=True)
    assert answer["items"][0]["title"].startswith("item ")


def test_recommend_answers_users(place, finished):
    said = place.run("scripts/recommend.py", f"run={finished('default').run}", "user=u7", "k=3")
    assert "recommended" in said and "item 1" in said


def test_recommend_answers_everybody_as_it_answers_each(place, finished, tmp_path):
    run, out = finished("default").run, tmp_path / "lists.parquet"
    said = place.run("scripts/recommend.py", f"run={run}", f"out={out}", "k=4")
    assert "800 rows of 200 users" in said and list(tmp_path.iterdir()) == [out]
    lists, recommender = pl.read_parquet(out), Recommender.load(run)
    for user in ("u0", "u7", "u199"):  # the last user's history ends with the data
        alone = recommender.recommend(recommender.session(user), k=4).items
        assert_frame_equal(
            lists.filter(user=user).select("item", "score"),
            alone.select("item", "score"),
            check_dtypes=False,
        )
    said = place.run("scripts/recommend.py", f"run={run}", f"out={tmp_path}/lists.xls", status=2)
    assert "use .parquet or .csv" in said


def test_recommend_says_why_nothing_is_left(place, finished):
    run = finished("default").run
    every = "items=[" + ", ".join(f"i{n}" for n in range(40)) + "]"
    said = place.run("scripts/recommend.py", f"run={run}", every, "mask_seen=true")
    assert "nothing  to recommend; every item" in said and "rank" not in said
    said = place.run("scripts/recommend.py", f"run={run}", every, "mask_seen=false", "k=3")
    assert "recommended" in said and "nothing" not in said


def test_a_copied_run_answers_without_its_data(finished, tmp_path):
    run = finished("default").run
    moved = shutil.copytree(run, tmp_path / "moved")
    recommender = Recommender.load(moved)
    assert len(recommender.recommend(["i1"], k=4).items) == 4
    seen = recommender.recommend(["i1", "i2"], k=40, mask_seen=True).items["item"]
    assert len(seen) == 38 and not {"i1", "i2"} & set(seen)
    with pytest.raises(DataError, match="none of the 1 items is in the run's catalogue"):
        recommender.recommend(["x"])


def test_what_is_no_run_or_a_damaged_one_is_named(finished, tmp_path):
    run = finished("default").run
    with pytest.raises(RunError, match="not the folder of a run"):
        Recommender.load(tmp_path)
    broken = shutil.copytree(run, tmp_path / "broken")
    best = broken / "checkpoints" / "best.ckpt"
    best.write_bytes(best.read_bytes()[:1000])
    with pytest.raises(RunError, match="checkpoint can't be read"):
        Recommender.load(broken)
    best.unlink()
    with pytest.raises(RunError, match="resume=auto"):
        Recommender.load(broken)
    for name, content in (("config.yaml", "dim: ["), ("run.json", "{}")):
        copy = shutil.copytree(run, tmp_path / name.partition(".")[0])
        (copy / name).write_text(content)
        with pytest.raises(RunError, match=f"{name} can't be read"):
            Recommender.load(copy)


def test_a_run_answers_with_the_context_it_is_told(finished):
    """A known user's list is that of a stranger with the same history; no data is needed for it."""
    run = finished("context").run
    recommender = Recommender.load(run)
    known = replace(recommender.session("u3"), asked=1_750_000_000_000)
    assert set(known.context) == {"rating", "device", "dwell", "timestamp"}
    first = recommender.recommend(known).items
    assert recommender.recommend(replace(known, user=-1)).items.equals(first)
    bare = recommender.recommend(Session(known.items, asked=known.asked)).items
    assert not bare["score"].equals(first["score"])
    later = recommender.recommend(replace(known, asked=known.asked + 9 * 3_600_000)).items
    assert not later["score"].equals(first["score"])
    lists = pl.concat(recommender.everybody(asked=known.asked)).filter(user="u3")
    assert lists["item"].equals(first["item"]) and lists["score"].to_numpy() == pytest.approx(
        first["score"].to_numpy(), rel=1e-5
    )


def test_context_that_can_not_be_understood_is_refused(place, finished):
    run = finished("context").run
    recommender = Recommender.load(run)
    with pytest.raises(
        DataError, match="the model doesn't read mood; it takes rating, dwell, device"
    ):
        recommender.recommend(Session(["i1"], context={"mood": ["x"]}))
    with pytest.raises(DataError, match="2 values of rating for 1 items"):
        recommender.recommend(Session(["i1"], context={"rating": [1, 2]}))
    with pytest.raises(DataError, match="dwell"):
        recommender.recommend(Session(["i1"], context={"dwell": ["long"]}))
    ask = ("scripts/recommend.py", f"run={run}", "items=[i1, i2]")
    said = place.run(*ask, "context={rating: [5, null], timestamp: [2024-05-01T10:00, null]}",
                     "at=2024-05-02T09:00")  # fmt: skip
    assert "recommended" in said
    assert "write context=" in place.run(*ask, "context=[5]", status=2)
    assert "an ISO date" in place.run(*ask, "at=soon", status=2)


def test_a_model_with_features_is_evaluated_and_asked(place, finished):
    run = finished("features").run
    assert "slices/history=short/ndcg@5" in metrics(run)
    assert "equal to metrics.json" in place.run("scripts/evaluate.py", f"run={run}")
    listed = place.run("scripts/recommend.py", f"run={run}", "items=[i3,i17]", "k=3")
    assert "a nice thing" in listed


def test_a_feature_that_no_item_has_is_refused(place, tmp_path):
    shop = write_shop(tmp_path / "shop")
    said = place.run(
        "train.py", "data=files", f"data.path={shop}", f"data.items_path={shop.parent}/items.csv",
        "logger=none", "embedding=features", "embedding.features=[{colour: category}]", status=1,
    )  # fmt: skip
    assert "no column 'colour'" in said and "use one of: " in said


def test_a_run_with_codes_finds_its_items_by_them(place, finished):
    shared = finished("codes")
    assert "codes: 2 of 16 values" in shared.said
    run = f"run={shared.run}"
    said = place.run("scripts/evaluate.py", run)
    assert "equal to metrics.json" in said
    items = pl.read_parquet(shared.run / "catalogue.parquet")["item"][:2].to_list()
    session = f"items=[{', '.join(items)}]"
    best, found = (
        json.loads(place.run("scripts/recommend.py", run, session, "format=json", "k=4", *more))
        for more in ((), ("generator=codes",))
    )
    assert [row["score"] for row in found["items"]] == pytest.approx(
        [row["score"] for row in best["items"]], rel=1e-5
    )
    said = place.run("scripts/recommend.py", f"run={finished('default').run}", "items=[i3]",
                     "generator=codes", status=2)  # fmt: skip
    assert "choose a run with embedding=codes" in said


def test_lists_of_a_folder_are_those_of_the_test(place, finished, tmp_path):
    run = finished("default").run
    kept, recommender = pl.read_parquet(run / "lists.parquet"), Recommender.load(run)
    before = [recommender.session(user).items[:-1] for user in kept["user"]]
    table = pl.DataFrame({"user": kept["user"], "items": before})
    table.write_parquet(tmp_path / "users.parquet")
    out, k = tmp_path / "lists", kept["recommended"].list.len().max()
    arguments = f"run={run}", f"users={tmp_path}/users.parquet", f"out={out}", f"k={k}"
    said = place.run("scripts/recommend.py", *arguments, "part=256")
    assert f"rows of {len(kept):,} users in parts (1): {out}" in said and "read_parquet" in said
    lists = pl.read_parquet(out / "*.parquet").group_by("user", maintain_order=True).agg("item")
    assert_frame_equal(
        lists.select("user", pl.col("item").alias("recommended")),
        kept.select("user", "recommended"),
    )
    said = place.run("scripts/recommend.py", *arguments, "part=256")
    assert "kept     parts that were finished before (1)" in said
    said = place.run("scripts/recommend.py", *arguments, "part=512", status=1)
    assert "another job: part=256, 512 now" in said
    said = place.run("scripts/recommend.py", f"run={run}", f"out={out}", "part=100", status=2)
    assert "part=100: must be a multiple of 256" in said
    said = place.run("scripts/recommend.py", f"run={run}", "user=u1", "engine=ray", status=2)
    assert "engine= needs out=FOLDER" in said
