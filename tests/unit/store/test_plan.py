"""Which road a preparation takes, and what is told, asked and left of the one on disk."""

import errno
import gzip
import os
import random
from pathlib import Path

import polars as pl
import pytest

from seqrec.config.schema import Prepare, Ties
from seqrec.data.files import Files
from seqrec.errors import DataError
from seqrec.raw import size
from seqrec.store import bucket, large, plan
from seqrec.store.prepare import prepare
from seqrec.store.store import SequenceStore

HEAD = "user_id,item_id,timestamp,stars,device,dwell\n"
TINY = 1e-6  # GB: seven events at once


def write_csv(path: Path, rows: int = 400, first: int = 0, bad: str = "") -> Path:
    """Write events with context, unknown values, and ids that the rule of ids changes."""
    rng = random.Random(first)
    lines = [
        f"u{rng.randrange(30)}{' ' * (n % 7 == 0)},{rng.randrange(40)}{'.0' * (n % 5 == 0)},"
        f"{1_700_000_000 + (first + n) // 3 * 60},{rng.randrange(1, 6)},"
        f"{rng.choice(['web', 'app', ''])},{rng.choice(['0.5', '2', ''])}\n"
        for n in range(rows)
    ]
    path.write_text(HEAD + bad + "".join(lines))
    return path


def both(folder: Path, settings: Prepare, **options: object) -> tuple[SequenceStore, SequenceStore]:
    """Prepare files in memory and on disk."""
    source = Files(rating="stars", context=["device", {"dwell": "number"}], **options)  # type: ignore[arg-type]
    whole = prepare(source, settings, folder / "memory")
    settings.memory_gb = TINY
    parts = prepare(source, settings, folder / "disk")
    assert sorted(p.name for p in (folder / "disk").iterdir()) == sorted(
        [parts.folder.name, f"{parts.folder.name}.lock"]
    )
    return whole, parts


def assert_same(whole: SequenceStore, parts: SequenceStore) -> None:
    assert whole.data_hash == parts.data_hash and whole.report == parts.report
    assert whole.folder.name == parts.folder.name  # the limit isn't part of the key
    parts.verify()


@pytest.mark.parametrize("order", ["file", "newest_first"])
@pytest.mark.parametrize("kind", ["clean", "malformed", "gzipped", "several", "parquet"])
def test_files_are_prepared_alike_on_both_roads(
    kind: str, order: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(large, "BLOCK", 64)
    monkeypatch.setattr("seqrec.raw.parse.order.GROUPED", 150)
    bad = "u1,5,nonsense,3,web,1\nu1\n" * (kind == "malformed")
    path = write_csv(tmp_path / "events.csv", bad=bad)
    if kind == "gzipped":
        path = tmp_path / "events.csv.gz"
        path.write_bytes(gzip.compress((tmp_path / "events.csv").read_bytes()))
    if kind == "several":
        (tmp_path / "all").mkdir()
        for at in range(3):
            write_csv(tmp_path / "all" / f"part-{at}.csv", 100, 100 * at)
        path = tmp_path / "all"
    if kind == "parquet":
        path = tmp_path / "events.parquet"
        pl.read_csv(tmp_path / "events.csv").write_parquet(path, row_group_size=50)
    options = {"path": str(path), "order": order, "max_bad_rows": 0.1}
    assert_same(*both(tmp_path, Prepare(k_core=3, session_gap=100), **options))


def test_a_published_split_is_prepared_alike_on_both_roads(tmp_path: Path):
    write_csv(tmp_path / "train.csv")
    write_csv(tmp_path / "test.csv", 60, 400)
    options = {"path": "train.csv", "test_path": "test.csv", "raw_dir": str(tmp_path)}
    whole, parts = both(tmp_path, Prepare(k_core=2), **options)
    assert_same(whole, parts)
    assert parts.part is not None


def test_the_road_is_told_in_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture):
    source = Files(path=str(write_csv(tmp_path / "events.csv")))
    prepare(source, Prepare(memory_gb=1), tmp_path / "whole")
    assert not capsys.readouterr().err
    prepare(source, Prepare(memory_gb=TINY), tmp_path / "parts")
    [told] = capsys.readouterr().err.splitlines()
    assert "would be needed in memory" in told and f"below {tmp_path / 'parts'}" in told


def test_rows_are_estimated_before_files_are_read(tmp_path: Path):
    text = write_csv(tmp_path / "events.csv", 5000)
    packed = tmp_path / "packed.csv.gz"
    packed.write_bytes(gzip.compress(text.read_bytes()))
    table = tmp_path / "events.parquet"
    pl.read_csv(text).write_parquet(table)
    assert size.rows_in([table]) == 5000 and size.text_in([table]) == 0
    assert size.rows_in([text]) == pytest.approx(5000, rel=0.05)
    assert size.rows_in([packed]) == pytest.approx(5000, rel=0.5)
    assert size.rows_in([tmp_path / "none.parquet"]) == 0


def test_a_disk_that_is_too_small_is_refused_before_anything_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    source = Files(path=str(write_csv(tmp_path / "events.csv")))
    full = os.statvfs_result((1,) * 10)
    monkeypatch.setattr(plan.shutil, "disk_usage", lambda _: type("Usage", (), {"free": full[0]}))
    with pytest.raises(DataError, match="GB are free"):
        prepare(source, Prepare(memory_gb=TINY), tmp_path / "cache")
    assert not [p for p in (tmp_path / "cache").iterdir() if p.is_dir()]


def test_an_order_of_all_events_that_takes_too_much_is_refused(tmp_path: Path):
    source = Files(path=str(write_csv(tmp_path / "events.csv")))
    with pytest.raises(DataError, match="draws one order of all events"):
        prepare(source, Prepare(memory_gb=TINY, ties=Ties.shuffle), tmp_path / "cache")


@pytest.mark.parametrize("calls", [1, 30, 200])
def test_a_disk_that_fills_up_leaves_nothing(
    calls: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    source = Files(path=str(write_csv(tmp_path / "events.csv")))
    write, left = bucket.Bucket.write, iter(range(calls))

    def full(*given: object) -> None:
        if next(left, None) is None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(*given)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(bucket.Bucket, "write", full)
        with pytest.raises(DataError, match="the disk is full"):
            prepare(source, Prepare(memory_gb=TINY), tmp_path / "cache")
    assert not [p for p in (tmp_path / "cache").iterdir() if p.is_dir()]
    assert prepare(source, Prepare(memory_gb=TINY), tmp_path / "cache").n_interactions == 400


def test_what_a_killed_process_left_is_removed(tmp_path: Path):
    source = Files(path=str(write_csv(tmp_path / "events.csv")))
    store = prepare(source, Prepare(), tmp_path / "cache")
    left = [store.folder.with_name(f"{store.folder.name}.{s}") for s in ("parts", "building")]
    for folder in left:
        folder.mkdir()
        (folder / "item").write_bytes(b"half")
    (store.folder / "item.npy").unlink()
    again = prepare(source, Prepare(memory_gb=TINY), tmp_path / "cache")
    assert again.data_hash == store.data_hash and not any(folder.exists() for folder in left)
