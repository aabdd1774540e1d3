"""Processes that train on a dataset in shards, each of which reads its own."""

import json
from pathlib import Path

import polars as pl
import pytest
from helpers.place import SMALL, Place, metrics, ranked
from helpers.torchrun import as_torchrun

from seqrec.machine.process import RANKS

OF = ("trainer=ddp", "batch.size=16", "batch.shuffle=shards", "logger=none")
OF += ("trainer.max_epochs=2", "trainer.accelerator=cpu", "evaluation.mask_seen=false")
COLUMNS = ("offset", "item", "timestamp", "rating")
TWO = (*OF, "trainer.devices=2")
# weights stay what they are, so that all numbers of processes come to the same ones
STILL = ("optimizer.lr=1e-30", "trainer.max_epochs=1", "context=events", "negatives=unseen")
STILL += ("loss=bpr", "evaluation.sampled=10", "split=temporal", "split.targets=all")


@pytest.fixture(autouse=True)
def _alone(monkeypatch):
    for name in RANKS:
        monkeypatch.delenv(name, raising=False)


def apart(place: Place, world: int) -> dict[int, dict[str, str]]:
    """A cache of its own for each process."""
    return {n: {"SEQREC_CACHE_DIR": str(place.folder / f"cache-{n}")} for n in range(world)}


def fetched(cache: Path) -> set[str]:
    """The files of shards that a process has read."""
    return {f"{path.parent.name}/{path.stem}" for path in cache.rglob("*.npy")}


def files(shards: range) -> set[str]:
    return {f"shard-{at:05d}/{column}" for at in shards for column in COLUMNS}


@pytest.mark.slow
def test_processes_read_their_own_shards_alone_wherever_these_lie(tmp_path):
    """Lightning starts the second one on a folder; others fetch from a URL, and train the same."""
    here, there = Place(tmp_path / "here"), Place(tmp_path / "there")
    here.run_apart("train.py", *SMALL, *TWO, "prepare.shards=6")
    [run], [index] = here.runs(), (tmp_path / "here" / "cache").rglob("store.json")
    as_torchrun(
        there, "data=store", f"data.path=file://{index.parent}", "dim=16", *TWO, of=apart(there, 2)
    )
    [other] = there.runs()
    assert ranked(other) == ranked(run)
    assert metrics(other)["data_hash"] == metrics(run)["data_hash"]
    assert len(pl.read_parquet(other / "ranks.parquet")) == 200
    own = [files(range(3)), files(range(3, 6))]
    assert [fetched(tmp_path / "there" / f"cache-{rank}") for rank in (0, 1)] == own
    assert not list(tmp_path.rglob("shared"))


@pytest.mark.slow
def test_processes_find_out_together_what_one_finds_out(tmp_path):
    """Counts, splits, the card, ranks and lists don't depend on the number of processes."""
    one, found = Place(tmp_path / "1"), {}
    one.run_apart("train.py", *SMALL, *OF, *STILL, "trainer.devices=1", "prepare.shards=6")
    [index] = (tmp_path / "1" / "cache").rglob("store.json")
    data = ("data=store", f"data.path=file://{index.parent}", "dim=16")
    for world in (1, 2, 4):
        place = Place(tmp_path / str(world))
        if world > 1:
            given = (*data, *OF, *STILL, f"trainer.devices={world}")
            as_torchrun(place, *given, world=world, of=apart(place, world))
        [run] = place.runs()
        tables = [pl.read_parquet(run / f"{name}.parquet") for name in ("ranks", "lists")]
        tables.append(pl.read_parquet(run / "catalogue.parquet"))
        numbers = {k: v for k, v in metrics(run).items() if "/" in k}
        about = json.loads((run / "run.json").read_text())["facts"]
        found[world] = (json.loads((run / "protocol.json").read_text()), about, numbers, tables)
    for world in (2, 4):
        assert found[world][:3] == found[1][:3]
        assert all(map(pl.DataFrame.equals, found[world][3], found[1][3]))
    read = [fetched(tmp_path / "4" / f"cache-{rank}") for rank in range(4)]
    assert all(read) and len(set.union(*read)) == sum(map(len, read))  # no two read one file


@pytest.mark.slow
def test_two_runs_at_once_prepare_one_store_and_train_the_same(tmp_path):
    place = Place(tmp_path)
    running = [place.start("train.py", *SMALL, *TWO, "prepare.shards=6") for _ in range(2)]
    ended = [each.end() for each in running]
    assert [status for status, _ in ended] == [0, 0], ended
    one, other = place.runs()
    assert one != other and ranked(one) == ranked(other)
    assert len([*place.folder.rglob("store.json")]) == 1
    assert not [*place.folder.rglob("*.building*"), *place.folder.rglob("shared")]


@pytest.mark.slow
def test_fewer_shards_than_processes_are_refused_before_training(tmp_path):
    said = Place(tmp_path).run_apart("train.py", *SMALL, *TWO, "prepare.shards=1", status=2)
    assert "2 processes can't share the 1 shards" in said and "epoch    1" not in said
    assert not list(tmp_path.rglob("shared"))


@pytest.mark.slow
def test_an_error_of_all_processes_is_told_by_the_first(tmp_path):
    given = (*SMALL, *TWO, "prepare.shards=6", "protocol=strict")
    said = Place(tmp_path).run_apart("train.py", *given, status=2)
    assert said.count("the future leaks into the training") == 1
