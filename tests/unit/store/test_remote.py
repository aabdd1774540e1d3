"""Stores behind a URL: only what is read is fetched, once, whole, and as it was written."""

import errno
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import fsspec
import numpy as np
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from helpers import ROOT
from helpers.remote import kept, opened, same
from helpers.shards import stored

from seqrec.errors import ConfigError, DataError, SeqrecError
from seqrec.store.shards import cuts
from seqrec.store.store import SequenceStore


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> SequenceStore:
    return stored(tmp_path_factory.mktemp("written") / "few", 8)


@pytest.fixture
def bucket(written):
    """The store on an object store; yields its file system."""
    files = fsspec.filesystem("memory")
    files.put(str(written.folder), "/bucket/few", recursive=True)
    yield files
    files.rm("/bucket", recursive=True)


def test_what_is_read_is_fetched_and_nothing_else(bucket, written, tmp_path):
    store = opened(tmp_path)
    assert kept(tmp_path) == {"store.json"}
    assert store.item[store.item.bounds[3]] == written.item[written.item.bounds[3]]
    assert kept(tmp_path) == {"store.json", "shard-00003/item.npy"}
    first, end = cuts(store.item.bounds, 4)[1:3]
    assert np.array_equal(store.share(1, 4).item, written.share(1, 4).item)
    own = {f"shard-{at:05d}/{name}.npy" for at in range(first, end) for name in ("item", "offset")}
    assert kept(tmp_path) == {"store.json", "shard-00003/item.npy"} | own
    same(opened(tmp_path), written)


def test_a_second_opening_fetches_nothing_but_the_index(bucket, written, tmp_path, monkeypatch):
    same(opened(tmp_path), written)

    def refuse(*_, **__):
        raise AssertionError("fetched again")

    monkeypatch.setattr(MemoryFileSystem, "get_file", refuse)
    same(opened(tmp_path), written)


def test_a_store_in_one_folder_is_fetched_too(tmp_path):
    whole = stored(tmp_path / "whole", None)
    store = opened(tmp_path / "cache", f"file://{whole.folder}")
    assert kept(tmp_path / "cache") == {"store.json"}
    store.verify()
    assert len(kept(tmp_path / "cache")) == 9
    same(store, whole)


# Bad days


def cut_off(times: int):
    """``get_file`` that loses the end of a file so many times."""
    left, whole = [times], MemoryFileSystem.get_file

    def get_file(self, source, target, **options):
        whole(self, source, target, **options)
        if left[0] > 0:
            left[0] -= 1
            Path(target).write_bytes(Path(target).read_bytes()[:-7])

    return get_file


def test_a_download_that_is_cut_off_is_tried_again(bucket, written, tmp_path, monkeypatch):
    monkeypatch.setattr(MemoryFileSystem, "get_file", cut_off(1))
    same(opened(tmp_path), written)


def test_one_that_stays_cut_off_leaves_nothing(bucket, written, tmp_path, monkeypatch):
    store = opened(tmp_path)
    with monkeypatch.context() as m, pytest.raises(DataError, match=r"isn't the one.*bytes"):
        m.setattr(MemoryFileSystem, "get_file", cut_off(2))
        store.item[0]
    assert kept(tmp_path) == {"store.json"}
    same(store, written)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (PermissionError("Access Denied"), r"fetched: PermissionError: Access Denied(.|\n)*creden"),
        (RuntimeError("endpoint\nmore"), r"fetched: RuntimeError: endpoint\n"),
        (TimeoutError(), r"fetched: TimeoutError\n"),
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), r"disk is full(.|\n)*cache_dir"),
    ],
)
def test_what_an_object_store_refuses_is_told(bucket, written, tmp_path, monkeypatch, error, told):
    store = opened(tmp_path)

    def refuse(self, source, target, **_):
        Path(target).write_bytes(b"begun")
        raise error

    with monkeypatch.context() as m, pytest.raises(DataError, match=told):
        m.setattr(MemoryFileSystem, "get_file", refuse)
        store.item[0]
    assert kept(tmp_path) == {"store.json"}
    same(store, written)


def test_a_file_that_is_gone_or_changed_there_is_told(bucket, tmp_path):
    store = opened(tmp_path)
    bucket.rm("/bucket/few/shard-00000/item.npy")
    with pytest.raises(DataError, match="FileNotFoundError"):
        store.item[0]
    content = bytearray(bucket.cat_file("/bucket/few/shard-00001/item.npy"))
    content[-1] ^= 1
    bucket.pipe_file("/bucket/few/shard-00001/item.npy", bytes(content))
    with pytest.raises(DataError, match="isn't what was written"):
        store.item[store.item.bounds[1]]


def test_no_store_there_and_a_broken_one(bucket, tmp_path):
    with pytest.raises(DataError, match="can't be fetched: FileNotFoundError"):
        opened(tmp_path, "memory://bucket/nothing")
    bucket.pipe_file("/bucket/few/store.json", b"{")
    with pytest.raises(DataError, match=r"store.json is missing or unreadable(.|\n)*copy it again"):
        opened(tmp_path)
    assert not list(tmp_path.iterdir())


def test_addresses_that_can_not_be_read_here(tmp_path, monkeypatch):
    def lacking(*_):
        raise ImportError("Install s3fs to access S3")

    with pytest.raises(ConfigError, match="no address of this kind"):
        opened(tmp_path, "nosuch://bucket/few")
    monkeypatch.setattr(fsspec.core, "url_to_fs", lacking)
    with pytest.raises(ConfigError, match=r"Install s3fs(.|\n)*pip install s3fs"):
        opened(tmp_path, "s3://bucket/few")


def test_a_file_damaged_in_the_cache_is_fetched_again(bucket, written, tmp_path):
    same(opened(tmp_path), written)
    [path] = tmp_path.glob("few-*/shard-00002/item.npy")
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    same(opened(tmp_path), written)
    path.unlink()
    same(opened(tmp_path), written)


def test_a_cache_that_can_not_be_written_is_told(bucket, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(SeqrecError, match="file"):
        opened(tmp_path / "file")


def test_threads_on_one_cache_fetch_each_file_once(bucket, written, tmp_path, monkeypatch):
    fetched, whole = [], MemoryFileSystem.get_file

    def get_file(self, source, target, **options):
        fetched.append(source)
        whole(self, source, target, **options)

    monkeypatch.setattr(MemoryFileSystem, "get_file", get_file)
    with ThreadPoolExecutor(6) as pool:
        for store in pool.map(lambda _: np.asarray(opened(tmp_path).item), range(6)):
            assert np.array_equal(store, written.item)
    assert len(fetched) == len(set(fetched)) == 8


@pytest.mark.slow
def test_two_jobs_on_one_cache(written, tmp_path):
    program = (
        "import numpy as np; from seqrec.config.schema import Prepare\n"
        "from seqrec.data.store import Store; from seqrec.store.prepare import prepare\n"
        f"store = prepare(Store(path='file://{written.folder}'), Prepare(), '{tmp_path}/cache')\n"
        "print(int(np.asarray(store.item).sum()), int(np.asarray(store.rating).sum()))"
    )
    both = [
        subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE)
        for _ in range(2)
    ]
    said = {job.communicate(timeout=120)[0].decode() for job in both}
    items, ratings = (int(np.asarray(v).sum()) for v in (written.item, written.rating))
    assert said == {f"{items} {ratings}\n"}
    assert not list((tmp_path / "cache").rglob("*.part"))
    shutil.rmtree(tmp_path / "cache")
