"""Two processes that train on a dataset in shards, each with a cache of its own."""

import polars as pl
import pytest
from helpers.place import SMALL, Place, metrics, ranked
from helpers.torchrun import as_torchrun

from seqrec.machine.process import RANKS

OF = ("dim=16", "trainer=ddp", "trainer.devices=2", "batch.size=16", "batch.shuffle=shards")
OF += (
    "logger=none",
    "trainer.max_epochs=2",
    "trainer.accelerator=cpu",
    "evaluation.mask_seen=false",
)


@pytest.fixture(autouse=True)
def _alone(monkeypatch):
    for name in RANKS:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.slow
def test_processes_read_their_own_shards_alone_wherever_these_lie(tmp_path):
    """Lightning starts the second one on a folder; others fetch from a URL, and train the same."""
    here, there = Place(tmp_path / "here"), Place(tmp_path / "there")
    here.run_apart("train.py", *SMALL, *OF, "prepare.shards=6")
    [run], [index] = here.runs(), (tmp_path / "here" / "cache").rglob("store.json")
    own_cache = {"SEQREC_CACHE_DIR": str(there.folder / "cache-1")}
    words = ("data=store", f"data.path=file://{index.parent}", *OF)
    as_torchrun(there, *words, of_second=own_cache)
    [other] = there.runs()
    assert ranked(other) == ranked(run)
    assert metrics(other)["data_hash"] == metrics(run)["data_hash"]
    assert len(pl.read_parquet(other / "ranks.parquet")) == 200
    fetched = (tmp_path / "there" / "cache-1").rglob("*.npy")
    assert {f"{path.parent.name}/{path.name}" for path in fetched} == {
        f"shard-{at:05d}/{name}.npy" for at in (3, 4, 5) for name in ("item", "offset")
    }
    assert not list(tmp_path.rglob("shared"))


@pytest.mark.slow
def test_fewer_shards_than_processes_are_refused_before_training(tmp_path):
    said = Place(tmp_path).run_apart("train.py", *SMALL, *OF, "prepare.shards=1", status=2)
    assert "2 processes can't share the 1 shards" in said and "epoch    1" not in said
    assert not list(tmp_path.rglob("shared"))
