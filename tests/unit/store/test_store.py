"""Preparing and keeping datasets."""

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from helpers import ROOT
from helpers.seven_rows import ROWS, Table, prepared, sequences

from seqrec.config.schema import Prepare, Repeats
from seqrec.data.files import Files
from seqrec.data.movielens_small import MovieLensSmall
from seqrec.errors import DataError
from seqrec.raw.source import Interactions
from seqrec.store.encode import encode
from seqrec.store.prepare import prepare
from seqrec.store.sort import lexsort
from seqrec.store.store import SequenceStore


def test_a_table_of_seven_rows(tmp_path: Path):
    store = prepared(tmp_path)
    assert sequences(store) == {"b": ["z", "x", "x", "x"], "a": ["y", "x"], "c": ["z"]}
    assert store.items()["item"].to_list() == ["x", "y", "z"]
    assert store.items()["title"].to_list() == ["The X", None, None]
    assert store.items()["size"].to_list() == [1, None, None]
    assert store.timestamp is not None and store.rating is not None
    assert store.timestamp.tolist() == [10, 30, 40, 40, 20, 20, 5]
    assert store.rating.tolist() == [1, 5, 2, 4, 4, 3, 5]
    assert (store.offset.dtype, store.item.dtype) == (np.int64, np.int32)
    assert (store.n_users, store.n_items, store.n_interactions) == (3, 3, 7)
    assert store.report["rejected"] == {"missing id": 2}


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"min_rating": 3}, {"b": ["x", "x"], "a": ["y", "x"], "c": ["z"]}),
        ({"repeats": Repeats.first}, {"b": ["z", "x"], "a": ["y", "x"], "c": ["z"]}),
        ({"repeats": Repeats.last}, {"b": ["z", "x"], "a": ["y", "x"], "c": ["z"]}),
        ({"repeats": Repeats.consecutive}, {"b": ["z", "x"], "a": ["y", "x"], "c": ["z"]}),
        ({"max_history": 2}, {"a": ["y", "x"], "c": ["z"], "b": ["x", "x"]}),
        ({"k_core": 2, "repeats": Repeats.last}, {}),
        ({"k_core": 2}, {"b": ["x", "x", "x"]}),
    ],
)
def test_steps(settings: dict, expected: dict, tmp_path: Path):
    if not expected:
        with pytest.raises(DataError, match=r"k_core leaves nothing of table, which had 3 users"):
            prepared(tmp_path, **settings)
        return
    store = prepared(tmp_path, **settings)
    assert sequences(store) == expected
    assert [step["step"] for step in store.report["steps"]] == ["raw", *settings]
    assert store.report["steps"][-1]["interactions"] == store.n_interactions


def test_first_and_last_keep_different_events(tmp_path: Path):
    first = prepared(tmp_path, repeats=Repeats.first)
    last = prepared(tmp_path, repeats=Repeats.last)
    assert first.rating is not None and last.rating is not None
    assert sorted(first.rating) == [1, 3, 4, 5, 5] and sorted(last.rating) == [1, 3, 4, 4, 5]


def test_k_core_agrees_with_a_naive_loop():
    rng = np.random.default_rng(0)
    pairs = sorted({(int(u), int(i)) for u, i in rng.zipf(1.6, (4000, 2)) if u < 300 and i < 300})
    left = pairs
    while True:
        users, items = ([p[side] for p in left] for side in (0, 1))
        core = [p for p in left if users.count(p[0]) >= 4 and items.count(p[1]) >= 4]
        if core == left:
            break
        left = core
    frame = pl.LazyFrame({"user": [f"{u}" for u, _ in pairs], "item": [f"{i}" for _, i in pairs]})
    encoded = encode(Interactions(frame), Prepare(k_core=4), "zipf")
    assert 0 < len(left) < len(pairs)
    users, items = encoded["users"]["user"], encoded["items"]["item"]
    of_user = np.repeat(np.arange(len(users)), np.diff(encoded["arrays"]["offset"]))
    ids = zip(users.gather(of_user), items.gather(encoded["arrays"]["item"] - 1), strict=True)
    assert sorted((int(u), int(i)) for u, i in ids) == left


@pytest.mark.parametrize(
    "ids",
    [
        pl.Series(["7", "-8", "7", "0", "-8"]),
        pl.Series(["7", "-8", "7", "0", "-8"], dtype=pl.Categorical),
        pl.Series([7, -8, 7, 0, -8], dtype=pl.Int8),
        pl.Series([7, -8, 7, 0, -8] * 40, dtype=pl.Int8),
        pl.Series([2**63 + 7, 2**63, 2**63 + 7, 3, 2**63] * 2, dtype=pl.UInt64),
        pl.Series([2**63 + 7, 2**63, 2**63 + 7, 2**63 + 1, 2**63] * 2, dtype=pl.UInt64),
    ],
    ids=["text", "categorical", "apart", "close", "huge apart", "huge close"],
)  # fmt: skip
def test_ids_of_any_type_are_what_their_text_is(ids: pl.Series):
    events = pl.DataFrame({"user": ids, "item": ids})
    as_text, as_given = (
        encode(Interactions(frame.lazy()), Prepare(), "ids")
        for frame in (events.cast(pl.String), events)
    )
    for part in ("users", "items"):
        assert as_given[part].equals(as_text[part])
    for name in ("offset", "item"):
        assert np.array_equal(as_given["arrays"][name], as_text["arrays"][name])
    assert as_given["users"]["user"].to_list() == list(dict.fromkeys(map(str, ids)))


@pytest.mark.parametrize("widths", [(3,), (40, 4), (62, 62), (0, 7), (4, 0), (20, 30, 10)])
@pytest.mark.parametrize("rows", [0, 1, 2, 5000])
def test_the_order_is_that_of_numpy(widths: tuple[int, ...], rows: int):
    rng = np.random.default_rng(0)
    keys = [rng.integers(-(2**width), 2**width, rows) for width in widths]
    assert np.array_equal(lexsort(*keys), np.lexsort(keys))
    keys[0].sort()
    assert np.array_equal(lexsort(*keys), np.lexsort(keys))


def test_without_times_the_file_gives_the_order(tmp_path: Path):
    store = prepared(tmp_path, columns=("user", "item"))
    assert sequences(store)["b"] == ["x", "z", "x", "x"]
    assert store.timestamp is None and store.rating is None
    with pytest.raises(DataError, match="needs ratings, which table lacks"):
        prepared(tmp_path, columns=("user", "item"), min_rating=3)


def test_the_hash_is_of_the_content(tmp_path: Path):
    one, two = prepared(tmp_path / "1"), prepared(tmp_path / "2")
    assert one.data_hash == two.data_hash
    renamed = replace(Table(), rows=tuple((u, "Z" if i == "z" else i, t, r) for u, i, t, r in ROWS))
    assert prepare(renamed, Prepare(), tmp_path / "3").data_hash != one.data_hash


def test_a_second_use_reads_nothing_and_a_changed_file_is_seen(tmp_path: Path):
    path = tmp_path / "e.csv"
    path.write_text("user_id,item_id,timestamp\na,x,1\na,y,2\n")
    source = Files(path=str(path))
    first = prepare(source, Prepare(), tmp_path / "cache")
    assert prepare(source, Prepare(), tmp_path / "cache").folder == first.folder
    assert isinstance(first.item, np.memmap)
    path.write_text("user_id,item_id,timestamp\na,x,1\na,y,2\na,z,3\n")
    assert prepare(source, Prepare(), tmp_path / "cache").n_items == 3


def test_a_copied_store_is_as_good(tmp_path: Path):
    store = prepared(tmp_path)
    copy = Path(shutil.copytree(store.folder, tmp_path / "copy"))
    for path in copy.iterdir():
        os.utime(path)
    assert SequenceStore(copy).data_hash == store.data_hash


@pytest.mark.slow
def test_two_processes_give_one_result(tmp_path: Path):
    program = (
        "from seqrec.config.schema import Prepare; from seqrec.store.prepare import prepare\n"
        "from seqrec.data.synthetic import Synthetic\n"
        f"print(prepare(Synthetic(n_users=3000), Prepare(), {str(tmp_path)!r}).data_hash)"
    )
    command = [sys.executable, "-c", program]
    both = [
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    hashes = {process.communicate()[0] for process in both}
    assert len(hashes) == 1 and len(hashes.pop().strip()) == 64
    assert len([path for path in tmp_path.iterdir() if path.is_dir()]) == 1


def test_a_published_source_without_a_column_proposes_no_key_that_it_lacks(tmp_path: Path):
    (tmp_path / "ratings.csv").write_text("user,movieId,rating,timestamp\n1,2,3.0,4\n")
    (tmp_path / "movies.csv").write_text("movieId,title,genres\n2,A,B\n")
    with pytest.raises(DataError, match=r"(?s)no column .userId.*as it was published") as told:
        prepare(MovieLensSmall(raw_dir=str(tmp_path)), Prepare(), tmp_path / "cache")
    assert "data.user" not in str(told.value)
