"""Stores in shards whose files were changed, lost or forged: told by who reads them."""

import hashlib
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from helpers.shards import index_of, stored

from seqrec.errors import DataError
from seqrec.store.index import write_index
from seqrec.store.store import SequenceStore


@pytest.fixture
def twenty(tmp_path) -> SequenceStore:
    return stored(tmp_path / "twenty", 20)


def flip(path: Path) -> None:
    """Change one byte, and leave size and time as they were."""
    stat, content = path.stat(), bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def test_a_flipped_byte_is_found_by_who_reads_the_shard(twenty):
    flip(twenty.folder / "shard-00004" / "item.npy")
    store = SequenceStore(twenty.folder)
    assert store.item[: store.item.bounds[4]].size
    with pytest.raises(DataError, match=r"shard-00004/item.npy has changed"):
        store.item[store.item.bounds[4]]
    with pytest.raises(DataError, match="has changed"):
        store.verify()


@pytest.mark.parametrize("name", ["rating.npy", "offset.npy"])
def test_a_file_that_vanishes_after_opening_is_told(twenty, name):
    (twenty.folder / "shard-00000" / name).unlink()
    with pytest.raises(DataError, match=f"{name} is missing"):
        np.asarray(twenty.rating), twenty.offset


def test_a_shorter_file_is_found_when_the_store_is_opened(twenty):
    path = twenty.folder / "shard-00001" / "rating.npy"
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(DataError, match=r"bytes instead of"):
        SequenceStore(twenty.folder)


def test_a_copy_is_read_whole_once(twenty, tmp_path):
    copy = shutil.copytree(twenty.folder, tmp_path / "copy", copy_function=shutil.copyfile)
    flip(copy / "shard-00003" / "item.npy")
    path, entry = copy / "shard-00002" / "item.npy", index_of(twenty)["shards"][2]["files"]
    store = SequenceStore(copy)
    assert path.stat().st_mtime_ns != entry["item.npy"]["mtime_ns"]
    assert store.item[store.item.bounds[2]]
    assert path.stat().st_mtime_ns == entry["item.npy"]["mtime_ns"]
    with pytest.raises(DataError, match="shard-00003"):
        store.item[store.item.bounds[3]]


def test_an_index_that_names_other_users_is_refused(twenty):
    index = index_of(twenty)
    for at, shift in ((0, 1), (1, 0)):
        index["shards"][at]["users"][1 if at == 0 else 0] += shift or 1
    write_index(twenty.folder, index)
    with pytest.raises(DataError, match=r"shard-00000/offset.npy doesn't hold"):
        SequenceStore(twenty.folder).offset  # noqa: B018


def changed(key: str, value: object):
    def change(index: dict) -> None:
        index["shards"][3][key] = value

    return change


@pytest.mark.parametrize(
    "change",
    [
        *(changed("users", [1, 2]), changed("users", "all"), changed("users", [0, 9, 9])),
        *(changed("events", 1), changed("events", None), changed("name", "../other")),
        *(changed("files", {"item.npy": 3}), changed("files", {"../x": {}})),
        lambda index: index.update(shards=[]),
        lambda index: index["shards"].pop(),
        lambda index: index["shards"].reverse(),
    ],
)
def test_an_index_of_impossible_shards_is_damage(twenty, change):
    index = index_of(twenty)
    change(index)
    write_index(twenty.folder, index)
    with pytest.raises(DataError, match="lacks entries"):
        SequenceStore(twenty.folder)


def test_an_array_of_objects_is_never_read(twenty):
    path = twenty.folder / "shard-00000" / "item.npy"
    np.save(path, np.array([{"code": 1}], dtype=object), allow_pickle=True)
    index, stat = index_of(twenty), path.stat()
    entry = index["shards"][0]["files"]["item.npy"]

    entry |= {"size": stat.st_size, "mtime_ns": stat.st_mtime_ns}
    entry["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    write_index(twenty.folder, index)
    with pytest.raises(DataError, match=r"item.npy doesn't hold an array"):
        SequenceStore(twenty.folder).item[0]
