"""Stores in shards: the same data, whatever it lies in, and what can go wrong with it."""

import json
import pickle
import shutil
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from helpers.shards import USERS, content, index_of, stored

from seqrec.config.schema import Prepare
from seqrec.data.store import Store
from seqrec.data.synthetic import Synthetic
from seqrec.errors import ConfigError, DataError
from seqrec.split.leave_one_out import LeaveOneOut
from seqrec.split.temporal import Temporal
from seqrec.store.column import Column
from seqrec.store.prepare import prepare
from seqrec.store.shards import close, cuts, write_shard
from seqrec.store.store import SequenceStore

LAYOUTS = [None, 1, 7, 20, USERS]
COLUMNS = ("item", "timestamp", "rating")


@pytest.fixture(scope="module")
def stores(tmp_path_factory) -> dict[int | None, SequenceStore]:
    """The same sequences in each layout."""
    folder = tmp_path_factory.mktemp("layouts")
    return {shards: stored(folder / str(shards), shards) for shards in LAYOUTS}


@pytest.fixture
def twenty(tmp_path) -> SequenceStore:
    return stored(tmp_path / "twenty", 20)


# The same data


def test_all_layouts_have_one_hash_and_the_same_columns(stores):
    whole = stores[None]
    for shards, store in stores.items():
        assert store.n_shards == (shards or 0)
        assert store.data_hash == whole.data_hash
        assert np.array_equal(store.offset, whole.offset) and store.part is None
        for name in COLUMNS:
            assert np.array_equal(getattr(store, name), getattr(whole, name))
            assert getattr(store, name).dtype == getattr(whole, name).dtype
        assert store.context.keys() == whole.context.keys()
        assert all(np.array_equal(store.context[n], whole.context[n]) for n in whole.context)
        assert store.categories == whole.categories
        assert store.users().equals(whole.users()) and store.items().equals(whole.items())
        store.verify()


@pytest.mark.parametrize("split", [LeaveOneOut(), Temporal()])
def test_views_are_equal(stores, split):
    whole = split(stores[None])
    for store in stores.values():
        splits = split(store)
        assert splits.report == whole.report and splits.cut == whole.cut
        for name in ("train", "valid", "test"):
            one, other = getattr(splits, name), getattr(whole, name)
            assert all(map(np.array_equal, vars(one).values(), vars(other).values()))


def test_a_column_reads_like_an_array():
    rng = np.random.default_rng(0)
    values = rng.integers(0, 100, 50).astype(np.int32)
    bounds = np.array([0, 1, 20, 33, 50])
    column = Column(bounds, "<i4", lambda at: values[bounds[at] : bounds[at + 1]])
    for index in (
        *(slice(None), slice(3, 3), slice(0, 1), slice(5, 41, 3), slice(-4, None)),
        *(slice(None, None, -2), slice(60, 70), 0, -1, 49, np.int64(20)),
        *(rng.integers(-50, 50, 200), rng.integers(0, 50, (7, 9)), np.empty((0, 3), np.int64)),
        *(values > 50, np.zeros(50, bool), [4, 4, 2], np.arange(20, 30), np.arange(50)),
    ):
        found, expected = column[index], values[index]
        assert np.array_equal(found, expected) and np.shape(found) == np.shape(expected)
        assert found.dtype == expected.dtype
    assert (column.shape, len(column), column.nbytes) == ((50,), 50, 200)
    assert column.max() == values.max()
    assert np.array_equal(np.asarray(column, np.int64), values)
    assert np.array_equal(np.arange(50) + column, np.arange(50) + values)
    part = column.of_shards(1, 3)
    assert np.array_equal(part, values[1:33]) and np.array_equal(part[[0, 31]], values[[1, 32]])
    for wrong in (50, -51, [0, 50], np.ones(49, bool)):
        with pytest.raises(IndexError):
            column[wrong]
    with pytest.raises(ValueError, match="copy"):
        np.asarray(column, copy=False)


def test_only_touched_shards_are_loaded(twenty):
    bounds = twenty.item.bounds
    assert twenty.item.loaded == set()
    twenty.item[bounds[3] : bounds[4]], twenty.item[[bounds[7], bounds[9]]]
    assert twenty.item.loaded == {3, 7, 9}
    assert twenty.rating.loaded == set()


def test_a_store_goes_to_another_process_by_its_folder(twenty):
    other = pickle.loads(pickle.dumps(twenty))
    assert other.item.loaded == set() and np.array_equal(other.item, twenty.item)


def test_shards_are_of_similar_size_and_none_is_empty():
    assert cuts(np.array([0, 10, 20, 30, 40]), 2).tolist() == [0, 2, 4]
    assert cuts(np.array([0, 100, 101, 102, 103]), 3).tolist() == [0, 1, 2, 4]
    assert cuts(np.array([0, 1, 2, 3, 103]), 3).tolist() == [0, 2, 3, 4]
    assert cuts(np.array([0, 5, 6]), 2).tolist() == [0, 1, 2]


# Shares


@pytest.mark.parametrize("world", [2, 3, 20])
def test_shares_hold_each_user_once(stores, world):
    store, users, events = stores[20], [], 0
    for rank in range(world):
        share = store.share(rank, world)
        assert (share.first_user, share.first_event) == (len(users), events)
        assert share.whole is store and share.n_shards == len(set(share.item.bounds)) - 1
        span = slice(events, events + share.n_interactions)
        for name in COLUMNS:
            assert np.array_equal(getattr(share, name), getattr(store, name)[span])
        assert np.array_equal(share.context["dwell"], store.context["dwell"][span])
        offset = store.offset[share.first_user : share.first_user + share.n_users + 1]
        assert np.array_equal(share.offset, offset - offset[0])
        users += range(share.n_users)
        events += share.n_interactions
    assert (len(users), events) == (store.n_users, store.n_interactions)
    assert store.users_of_shares(world)[-1] == store.n_users
    assert store.share(0, 1) is store and store.whole is store


def test_more_processes_than_shards_are_refused(stores):
    for shards in (None, 1, 7):
        with pytest.raises(ConfigError, match=rf"8 processes can't share the {shards or 0} shards"):
            stores[shards].share(0, 8)


# Writing


def pieces(bounds: list[int]) -> list[dict]:
    """What :func:`write_shard` takes for the users between bounds."""
    data, found = content(), []
    offset = data["arrays"]["offset"]
    for first, end in pairwise(bounds):
        span = slice(offset[first], offset[end])
        arrays = {n: None if v is None else v[span] for n, v in data["arrays"].items()}
        arrays["offset"] = offset[first : end + 1] - offset[first]
        context = {name: (v[span], codes) for name, (v, codes) in data["context"].items()}
        found.append({"first_user": first, "arrays": arrays, "context": context})
    return found


def closed(folder: Path, entries: list[dict]) -> SequenceStore:
    data = content()
    data["users"].write_parquet(folder / "users.parquet")
    data["items"].write_parquet(folder / "items.parquet")
    context = {name: codes for name, (_, codes) in data["context"].items()}
    close(folder, name="few", shards=entries, context=context, report=data["report"])
    return SequenceStore(folder)


def test_shards_of_many_writers_are_closed_to_one_store(tmp_path, stores):
    entries = [write_shard(tmp_path, 9 - at, **p) for at, p in enumerate(pieces([0, 5, 40, 60]))]
    again = write_shard(tmp_path, 9, **pieces([0, 5, 40, 60])[0])  # a second attempt of a task
    assert {k: v for k, v in again.items() if k != "files"} == {
        k: v for k, v in entries[0].items() if k != "files"
    }
    entries = json.loads(json.dumps([entries[2], again, entries[1]]))
    store = closed(tmp_path, entries)
    assert store.data_hash == stores[None].data_hash
    assert np.array_equal(store.item, stores[None].item)
    assert not list(tmp_path.glob("*.part"))


def test_a_closed_store_has_each_user_once(tmp_path):
    entries = [write_shard(tmp_path, at, **p) for at, p in enumerate(pieces([0, 5, 40, 60]))]
    with pytest.raises(DataError, match="60 users once: see those from 5 to 40"):
        closed(tmp_path, [entries[0], entries[2]])
    with pytest.raises(DataError, match="see those from 40 to 60"):
        closed(tmp_path, entries[:2])
    with pytest.raises(DataError, match="see those before 40"):
        closed(tmp_path, [*entries, entries[1]])


def test_shards_of_different_columns_are_refused(tmp_path):
    one, two = pieces([0, 5, 60])
    two["arrays"]["rating"] = None
    with pytest.raises(DataError, match="different columns"):
        closed(tmp_path, [write_shard(tmp_path, at, **p) for at, p in enumerate((one, two))])


@pytest.mark.parametrize("offset", [[0], [1, 4], [0, 3], [0, 5, 4]])
def test_offsets_that_do_not_fit_are_refused(tmp_path, offset):
    arrays = {"offset": np.array(offset), "item": np.ones(4, np.int32)}
    with pytest.raises(ValueError, match="offsets of a shard of 4 events"):
        write_shard(tmp_path, 0, first_user=0, arrays=arrays)
    assert not list(tmp_path.iterdir())


def test_a_shard_that_can_not_be_written_leaves_nothing(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(OSError, match="No space"):
        write_shard(tmp_path, 0, **pieces([0, 60])[0])
    assert not list(tmp_path.iterdir())


# Preparing


SOURCE = Synthetic(n_users=40, n_items=20, length=8)


def test_prepare_writes_shards_and_the_default_folder_is_as_it_was(tmp_path):
    whole = prepare(SOURCE, Prepare(), tmp_path)
    sharded = prepare(SOURCE, Prepare(shards=4), tmp_path)
    assert sharded.n_shards == 4 and sharded.folder != whole.folder
    assert sharded.data_hash == whole.data_hash
    assert not list(whole.folder.glob("shard-*")) and "shards" not in index_of(whole)
    assert prepare(SOURCE, Prepare(shards=4), tmp_path).folder == sharded.folder
    assert prepare(SOURCE, Prepare(shards=4000), tmp_path).n_shards == 40  # one per user


def test_a_missing_shard_is_prepared_again(tmp_path):
    store = prepare(SOURCE, Prepare(shards=4), tmp_path)
    shutil.rmtree(store.folder / "shard-00002")
    with pytest.raises(DataError, match=r"shard-00002/item.npy is missing"):
        SequenceStore(store.folder)
    assert prepare(SOURCE, Prepare(shards=4), tmp_path).data_hash == store.data_hash


# What was prepared elsewhere


def test_a_prepared_folder_is_a_source(tmp_path):
    store = prepare(SOURCE, Prepare(shards=4, max_history=5), tmp_path / "cache")
    copy = shutil.copytree(store.folder, tmp_path / "elsewhere")
    found = prepare(Store(path=str(copy)), Prepare(max_history=5), tmp_path / "none")
    assert found.data_hash == store.data_hash and not (tmp_path / "none").exists()
    assert prepare(Store(path="elsewhere", raw_dir=str(tmp_path)), Prepare(max_history=5), "x")
    with pytest.raises(ConfigError, match=r"prepare.max_history=null here.*\n.*\n.*max_history=5"):
        prepare(Store(path=str(copy)), Prepare(), tmp_path)
    with pytest.raises(DataError, match=r"store.json is missing.*\n.*\n.*copy it again"):
        prepare(Store(path=str(tmp_path)), Prepare(), tmp_path)
    with pytest.raises(DataError, match="no raw events"):
        Store(path=str(copy)).read()
