"""Prepared datasets that are damaged, forged or of an older version; caches that can't be used."""

import json
import os
import shutil
from pathlib import Path

import polars as pl
import pytest
from helpers.seven_rows import prepared, sequences

from seqrec.disk import manifest
from seqrec.errors import DataError
from seqrec.store.store import SequenceStore


@pytest.mark.parametrize("how", ["cut", "changed", "missing", "no index", "lacking", "a file"])
def test_damage_is_found_and_mended(how: str, tmp_path: Path, capsys: pytest.CaptureFixture):
    store = prepared(tmp_path)
    expected, item = sequences(store), store.folder / "item.npy"
    content = item.read_bytes()
    {
        "cut": lambda: item.write_bytes(content[:-1]),
        "changed": lambda: item.write_bytes(content[:-1] + b"\7"),
        "missing": item.unlink,
        "no index": (store.folder / "store.json").unlink,
        "lacking": lambda: (store.folder / "store.json").write_text('{"format": 1, "files": {}}'),
        "a file": lambda: (shutil.rmtree(store.folder), store.folder.touch()),
    }[how]()
    with pytest.raises(DataError, match="damaged"):
        SequenceStore(store.folder)
    assert sequences(prepared(tmp_path)) == expected
    assert capsys.readouterr().err.count("preparing it again") == 1


@pytest.mark.parametrize("name", ["item.npy", "offset.npy", "items.parquet", "store.json"])
@pytest.mark.parametrize("at", [0.1, 0.5, 0.9])
def test_a_bit_that_rots_is_found_whatever_the_time_says(name: str, at: float, tmp_path: Path):
    store = prepared(tmp_path)
    file, expected = store.folder / name, sequences(store)
    stat, raw = file.stat(), bytearray(file.read_bytes())
    raw[int(at * len(raw))] ^= 1
    file.write_bytes(raw)
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    with pytest.raises(DataError, match="damaged"):
        SequenceStore(store.folder)
    assert sequences(prepared(tmp_path)) == expected


def forged(store: SequenceStore, **changes: object) -> Path:
    """Change the index as an older version would have written it: without its hash."""
    file = store.folder / "store.json"
    index = json.loads(file.read_text()) | changes
    del index["sha256"]
    file.write_text(json.dumps(index))
    return store.folder


def test_a_store_of_an_older_version_is_opened(tmp_path: Path):
    store = prepared(tmp_path)
    assert SequenceStore(forged(store)).data_hash == store.data_hash


@pytest.mark.parametrize(
    "changes",
    [
        *({"n_users": "2"}, {"n_items": True}, {"n_interactions": 5}, {"report": {"steps": 1}}),
        *(
            {"files": {}},
            {"files": {"items.parquet": 1, "users.parquet": 2}},
            {"context": {"a": 1}},
        ),
    ],
)
def test_an_index_of_wrong_types_or_counts_is_damage(changes: dict, tmp_path: Path):
    store = prepared(tmp_path)
    with pytest.raises(DataError, match="damaged"):
        SequenceStore(forged(store, **changes))


def test_every_byte_of_a_store_is_checked_on_demand(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(manifest, "WHOLE", 100)
    monkeypatch.setattr(manifest, "BLOCK", 1)
    store = prepared(tmp_path)
    file = store.folder / "items.parquet"
    stat, raw = file.stat(), bytearray(file.read_bytes())
    raw[5] ^= 1  # between two blocks
    file.write_bytes(raw)
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    again = SequenceStore(store.folder)
    with pytest.raises(DataError, match="has changed"):
        again.verify()


@pytest.mark.parametrize(
    ("writer", "error"),
    [
        ("numpy.save", OSError(28, "No space left on device")),
        ("numpy.save", OSError("12000 requested and 2016 written")),  # numpy has no errno
        (
            "polars.DataFrame.write_parquet",
            pl.exceptions.ComputeError("parquet: underlying IO error: No space left on device"),
        ),
    ],
    ids=["system", "numpy", "polars"],
)
def test_a_full_disk_leaves_nothing_behind(
    writer: str, error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def full(*args: object, **options: object):
        raise error

    monkeypatch.setattr(writer, full)
    with pytest.raises(DataError, match="disk is full"):
        prepared(tmp_path)
    assert [path.suffix for path in tmp_path.iterdir()] == [".lock"]


def test_a_cache_that_can_not_be_used_is_said(tmp_path: Path):
    (tmp_path / "taken").touch()
    for cache in (tmp_path / "taken", tmp_path / "taken" / "below"):
        with pytest.raises(DataError, match=r"can't be used(.|\n)*SEQREC_CACHE_DIR"):
            prepared(cache)
    folder = prepared(tmp_path / "cache").folder
    shutil.rmtree(folder)
    folder.with_name(f"{folder.name}.building").touch()  # no folder, but in the way of one
    assert prepared(tmp_path / "cache").folder == folder


def test_a_read_only_cache_opens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(*args: object, **options: object):
        raise PermissionError(13, "Permission denied")

    expected = prepared(tmp_path).data_hash
    for name in ("mkdir", "write_text", "replace", "unlink"):
        monkeypatch.setattr(Path, name, refuse)
    assert prepared(tmp_path).data_hash == expected
    with pytest.raises(DataError, match="Permission denied"):
        prepared(tmp_path, k_core=2)
