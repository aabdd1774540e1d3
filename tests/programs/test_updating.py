"""Updates of a run: new users, items and events, by files and by a feedback log."""

import errno
import json
import shutil
import signal
import time
from pathlib import Path

import polars as pl
import pytest
from helpers.feedback import outcome, slate
from helpers.growing import SETTINGS, SINCE, write_growing
from helpers.place import Place, metrics, ranked

from seqrec.feedback import Log
from seqrec.run import checkpoints

pytestmark = pytest.mark.slow
TINY = (*SETTINGS, "logger=none", "trainer=cpu", "dim=8", "max_length=10", "trainer.max_epochs=3")
KNOBS = ("epochs=2", "lr=0.01")


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A run before, and its update; nobody may change them."""
    place = Place(tmp_path_factory.mktemp("updating"))
    write_growing(place.folder)
    items = f"data.items_path={place.folder / 'items.csv'}"
    place.run("train.py", *TINY, f"data.path={place.folder / 'before.csv'}", items)
    [place.before] = place.runs()
    place.said = place.run("scripts/update.py", *asked(place))
    place.after = place.before.with_name(f"{place.before.name}_updated")
    return place


def asked(place, *more, data="after.csv"):
    return f"run={place.before}", f"data={place.folder / data}", *KNOBS, *more


def read(run, name):
    return json.loads((run / name).read_text())


def test_the_catalogue_begins_as_before(shop):
    then, now = (pl.read_parquet(run / "catalogue.parquet") for run in (shop.before, shop.after))
    head = now.head(len(then))
    for column in ("index", "item", "title"):
        assert head[column].equals(then[column])
    assert set(now["item"].tail(len(now) - len(then))) <= {"n0", "n1", "n2"}
    assert now.filter(pl.col("candidate"))["item"].str.starts_with("n").any()


def test_it_says_what_was_reached_and_what_to_type_next(shop):
    assert "period" in shop.said and "RBO@10" in shop.said and "new items" in shop.said
    assert f"scripts/export.py run={shop.after} out=bundle" in shop.said
    found = read(shop.after, "update.json")
    assert found["old"]["before"]["ndcg@10"] == pytest.approx(metrics(shop.before)["test/ndcg@10"])
    assert found["new"]["after"]["ndcg@10"] == pytest.approx(metrics(shop.after)["test/ndcg@10"])
    assert 0 <= found["overlap"] <= 1 and found["new_items"]["items"] > 0


def test_its_record_names_the_run_before(shop):
    about, parent = read(shop.after, "run.json"), read(shop.before, "run.json")
    line = about["lineage"]
    assert (line["parent"], line["fingerprint"]) == (str(shop.before), parent["fingerprint"])
    assert line["had"]["items"] + line["added"]["items"] == about["facts"]["n_items"]
    assert about["command"].startswith("python scripts/update.py run=")
    assert about["name"].endswith("updated")
    card = (shop.after / "protocol.md").read_text()
    assert "Old period: the" in card and "New period: the events from" in card


def test_its_optimizer_goes_on_where_that_of_the_run_before_was(shop):
    def steps(run):
        content = checkpoints.read_checkpoint(run / "checkpoints" / "best.ckpt")
        states = content["optimizer_states"][0]["state"].values()
        return {int(state["step"]) for state in states}, content["global_step"]

    ([then], _), (now, own) = steps(shop.before), steps(shop.after)
    assert own > 0 and now == {then + own}


def test_it_is_a_run_as_any_other(shop):
    said = shop.run("scripts/evaluate.py", f"run={shop.after}", "verify=full")
    assert "equal to metrics.json" in said
    user = pl.read_parquet(shop.after / "ranks.parquet")["user"][0]
    assert "score" in shop.run("scripts/recommend.py", f"run={shop.after}", f"user={user}")
    said = shop.run("scripts/compare.py", str(shop.before), str(shop.after), "separate=true")
    assert "continued(" in said


def test_it_can_be_reproduced(shop, tmp_path):
    said = shop.run("scripts/reproduce.py", f"run={shop.after}")
    assert "equal that of" in said or "equal those of" in said
    shutil.rmtree(shop.after.with_name(f"{shop.after.name}_again"))


def test_an_update_that_was_stopped_goes_on(shop, tmp_path):
    """Killed after its last epoch, or before it was judged, it ends as it would have."""
    for lost in (("metrics.json", "update.json"), ("update.json",)):
        run = shutil.copytree(shop.after, tmp_path / "-".join(lost))
        for name in lost:
            (run / name).unlink()
        shop.run("scripts/update.py", f"resume={run}")
        assert read(run, "update.json") == read(shop.after, "update.json")
    said = shop.run("train.py", *TINY, "data.path=x", f"resume={run}", status=2)
    assert f"scripts/update.py resume={run}" in said


def test_an_update_on_a_full_disk_says_how_to_go_on(shop, tmp_path, monkeypatch):
    save, done = checkpoints.torch.save, []

    def full(content, stream):
        done.append(content)
        if len(done) > 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        save(content, stream)

    with monkeypatch.context() as during:
        during.setattr(checkpoints.torch, "save", full)
        said = shop.run("scripts/update.py", *asked(shop, f"out={tmp_path / 'new'}"), status=1)
    going_on = f"resume={tmp_path / 'new'}"
    assert f"make room on this disk, then python scripts/update.py {going_on}" in said
    shop.run("scripts/update.py", going_on)
    assert ranked(tmp_path / "new") == ranked(shop.after)


def test_an_update_of_an_update_goes_on(shop, tmp_path):
    rows = pl.read_csv(shop.folder / "after.csv")
    later = rows.filter(pl.col("timestamp") >= "2024-11").with_columns(
        pl.col("timestamp").str.replace("2024-1", "2025-1"),
        pl.when(pl.col("item_id") == "i3").then(pl.lit("z9")).otherwise("item_id").alias("item_id"),
    )
    pl.concat([rows, later]).write_csv(tmp_path / "later.csv")
    given = (f"run={shop.after}", f"data={tmp_path / 'later.csv'}", f"out={tmp_path / 'next'}")
    shop.run("scripts/update.py", *given, *KNOBS)
    now, then = (pl.read_parquet(r / "catalogue.parquet") for r in (tmp_path / "next", shop.after))
    assert now["item"].to_list() == [*then["item"], "z9"]
    found = read(tmp_path / "next", "update.json")
    assert found["old"]["before"]["ndcg@10"] == pytest.approx(metrics(shop.after)["test/ndcg@10"])


def test_a_counted_baseline_is_counted_with_the_new_events(shop, tmp_path):
    before, run = shop.folder / "before.csv", f"hydra.run.dir={tmp_path / 'markov'}"
    shop.run("train.py", *SETTINGS, "logger=none", "model=markov", f"data.path={before}", run)
    given = (f"run={tmp_path / 'markov'}", f"data={shop.folder / 'after.csv'}")
    shop.run("scripts/update.py", *given, f"out={tmp_path / 'next'}")
    found = read(tmp_path / "next", "update.json")
    then = metrics(tmp_path / "markov")["test/ndcg@10"]
    assert found["old"]["before"]["ndcg@10"] == pytest.approx(then, abs=0.01)  # but for ties
    assert "equal to metrics.json" in shop.run("scripts/evaluate.py", f"run={tmp_path / 'next'}")


# What is refused: nothing is left behind


def refused(shop, *arguments, status=1):
    before = sorted(shop.before.parent.iterdir())
    said = shop.run("scripts/update.py", *arguments, status=status)
    assert sorted(shop.before.parent.iterdir()) == before and "Traceback" not in said
    return said


def test_data_without_news_is_refused(shop):
    assert "there is nothing new" in refused(shop, *asked(shop, data="before.csv"))


def test_other_data_is_refused(shop, tmp_path):
    rows = pl.read_csv(shop.folder / "after.csv")
    rows.tail(len(rows) - 20).write_csv(tmp_path / "other.csv")
    said = refused(shop, f"run={shop.before}", f"data={tmp_path / 'other.csv'}")
    assert "isn't that of the run, with more: 20 of the run's" in said


def test_a_run_that_is_not_finished_is_refused(shop, tmp_path):
    shutil.copytree(shop.before, tmp_path / "run")
    (tmp_path / "run/metrics.json").unlink()
    said = refused(shop, f"run={tmp_path / 'run'}", f"data={shop.folder / 'after.csv'}")
    assert "the run isn't finished" in said and "resume=auto" in said


def test_a_folder_that_is_taken_is_refused(shop, tmp_path):
    said = refused(shop, *asked(shop, f"out={tmp_path}"))
    assert "there already" in said and list(tmp_path.iterdir()) == []


def test_a_parent_that_changed_is_refused(shop, tmp_path):
    shutil.copytree(shop.before, tmp_path / "run")
    checkpoint = tmp_path / "run/checkpoints/best.ckpt"
    content = bytearray(checkpoint.read_bytes())
    content[len(content) // 2] ^= 1
    checkpoint.write_bytes(content)
    said = refused(shop, f"run={tmp_path / 'run'}", f"data={shop.folder / 'after.csv'}")
    assert "damaged" in said or "best.ckpt" in said


def test_arguments_that_say_nothing_are_refused(shop):
    assert "rn: unknown, did you mean run?" in refused(shop, f"rn={shop.before}", status=2)
    assert "give the run to update" in refused(shop, f"run={shop.before}", status=2)
    said = refused(shop, *asked(shop, "growth=zeros"), status=2)
    assert "did you mean zero" in said
    assert "takes no data=" in refused(shop, f"resume={shop.after}", "data=x", status=2)


# A feedback log


def write_log(folder: Path, *, items=("i1", "i2", "n0"), bundle="sha", start=SINCE, sessions=12):
    """Each session is shown items and clicks on all of them, an hour apart."""
    log, hour = Log(folder), 3_600_000
    for n in range(sessions):
        session, records = log.salt.hash(f"session {n}"), []
        for at in range(6):
            item, time = items[(n + at) % len(items)], start + (n + 40 * at) * hour
            request = f"r{n}-{at}"
            shown = slate(request, session=session, items=(item, "i5"), bundle=bundle, time=time)
            clicked = {"request_id": request, "session": session, "item": item}
            click = outcome(f"e{n}-{at}", **clicked, slot=0, value=1.0, time=time + 1000)
            records += [shown, click, click]  # it is sent twice
        log.write(records)
    return log


def test_clicks_become_events(shop, tmp_path):
    log = write_log(tmp_path / "log", items=("i1", "i2", "i3"))
    log.write([outcome("orphan", request_id="unheard of", item="i1", time=SINCE + 5)])
    log.write([outcome("own", item="z1", session="alone", time=SINCE + 5)])
    log.write([outcome("old", item="i1", session="alone", time=SINCE - 5 * 10**9)])
    log.close()
    given = (f"run={shop.before}", f"log={tmp_path / 'log'}", f"out={tmp_path / 'next'}")
    shop.run("scripts/update.py", *given, *KNOBS)
    events = pl.read_parquet(tmp_path / "next/feedback.parquet")
    assert len(events) == events["event_id"].n_unique() == 12 * 6 + 1
    assert "own" in events["event_id"] and not {"orphan", "old"} & set(events["event_id"])
    assert pl.read_parquet(tmp_path / "next/catalogue.parquet")["item"].to_list()[-1] == "z1"
    # a session is forgotten, and one is ruled out: neither is in the next update
    log = Log(tmp_path / "log")
    log.forget("session 3")
    log.close()
    log = write_log(tmp_path / "more", items=("i1", "i2", "i3"), start=SINCE + 10**9)
    log.close()
    for segment in (tmp_path / "more").glob("*.jsonl"):
        text = segment.read_text().replace('"e', '"f').replace('"r', '"q')
        text = text.replace('"qequest_id', '"request_id')
        (tmp_path / "log" / f"2000-01-01T00.{segment.name}").write_text(
            text.replace('"fvent', '"event')
        )
    out = Log(tmp_path / "log").salt.hash("session 4")
    verdicts = tmp_path / "log/review/quarantine.json"
    verdicts.parent.mkdir()
    verdicts.write_text(json.dumps({"version": 1, "sessions": [out], "events": []}))
    given = (f"run={tmp_path / 'next'}", f"log={tmp_path / 'log'}", f"out={tmp_path / 'third'}")
    shop.run("scripts/update.py", *given, *KNOBS)
    third = pl.read_parquet(tmp_path / "third/feedback.parquet")
    assert not {Log(tmp_path / "log").salt.hash("session 3"), out} & set(third["user"])
    assert len(third) > len(events)


def test_an_empty_day_says_so(shop, tmp_path):
    write_log(tmp_path / "log", start=SINCE - 60 * 86_400_000).close()
    said = refused(shop, f"run={shop.before}", f"log={tmp_path / 'log'}")
    assert "there is nothing new: the log has no click after" in said and "72 too_old" in said


def test_the_log_of_another_bundle_is_refused(shop, tmp_path):
    write_log(tmp_path / "log", items=("nobody's",)).close()
    assert "of another bundle" in refused(shop, f"run={shop.before}", f"log={tmp_path / 'log'}")


def test_a_quarantine_that_can_not_be_read_is_refused(shop, tmp_path):
    write_log(tmp_path / "log").close()
    (tmp_path / "q.json").write_text('{"events": [1]}')
    given = (f"run={shop.before}", f"log={tmp_path / 'log'}", f"quarantine={tmp_path / 'q.json'}")
    assert "holds more than ids" in refused(shop, *given)


def test_two_updates_at_once_have_a_folder_each_and_are_both_right(shop, tmp_path):
    run = shutil.copytree(shop.before, tmp_path / "run")
    given = (f"run={run}", f"data={shop.folder / 'after.csv'}", *KNOBS)
    running = [shop.start("scripts/update.py", *given) for _ in range(2)]
    assert [each.end()[0] for each in running] == [0, 0]
    for name in ("run_updated", "run_updated_2"):
        assert ranked(tmp_path / name) == ranked(shop.after)
    out = f"out={tmp_path / 'run_updated'}"
    assert "is there already" in shop.run("scripts/update.py", *given, out, status=1)


def test_an_update_that_was_killed_before_it_trained_leaves_nothing(shop, tmp_path):
    run = shutil.copytree(shop.before, tmp_path / "run")
    given = (f"run={run}", f"data={shop.folder / 'after.csv'}", *KNOBS)
    running = shop.start("scripts/update.py", *given)
    left, until = tmp_path / "run_updated", time.monotonic() + 60
    while not (left / "known.parquet").exists():
        assert time.monotonic() < until
    running.send_signal(signal.SIGKILL)
    running.end()
    assert left.is_dir()
    said = shop.run("scripts/update.py", *given)
    assert f"removed  {left}" in said and ranked(left) == ranked(shop.after)
