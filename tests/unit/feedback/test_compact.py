"""Hours become Parquet: no line is lost or counted twice, and what is forgotten leaves the disk."""

from pathlib import Path

import polars as pl
import pytest
from helpers.feedback import outcome, slate

from seqrec.errors import DataError
from seqrec.feedback import Log, compact, read_log

HOUR = 3_600_000


@pytest.fixture
def past(monkeypatch):
    """Let writers live in an hour of 1970, which is over."""

    def at(hour):
        monkeypatch.setattr("seqrec.feedback.write.now", lambda: hour * HOUR)

    at(1)
    return at


@pytest.fixture
def log(tmp_path, past):
    with_log = Log(tmp_path / "log")
    with_log.write([slate("r1"), outcome("e1", request_id="r1")])
    yield with_log
    with_log.close()


def names(log):
    return sorted(file.name for file in log.folder.iterdir() if not file.name.startswith("."))


def same(one, other):
    return one.slates.equals(other.slates) and one.outcomes.equals(other.outcomes)


def test_an_hour_that_is_over_becomes_a_part_and_reads_the_same(log):
    before = read_log(log.folder)
    log.close()
    assert compact(log.folder) == {"segments": 1, "parts": 1, "forgotten": 0}
    assert names(log) == ["1970-01-01T01.parquet"]
    assert same(read_log(log.folder), before)
    assert compact(log.folder)["parts"] == 0


def test_a_segment_that_is_being_written_is_left_alone(log):
    assert compact(log.folder)["segments"] == 0
    log.write([slate("r2")])
    assert len(read_log(log.folder).slates) == 2


def test_the_hour_that_isnt_over_is_left_alone(tmp_path):
    log = Log(tmp_path / "log")
    log.write([slate("r1")])
    log.close()
    assert compact(log.folder)["segments"] == 0


def test_a_writer_that_comes_late_to_an_hour_adds_to_its_part(log):
    log.close()
    compact(log.folder)
    log.write([slate("r2")])
    log.close()
    assert compact(log.folder) == {"segments": 1, "parts": 1, "forgotten": 0}
    assert names(log) == ["1970-01-01T01.parquet"]
    assert len(read_log(log.folder).slates) == 2


def test_torn_lines_stay_counted(log):
    with next(log.folder.glob("*.jsonl")).open("ab") as file:
        file.write(b"{")
    log.close()
    compact(log.folder)
    assert read_log(log.folder).counts["torn"] == 1


def test_a_kill_between_part_and_segment_doubles_nothing(log, monkeypatch):
    log.close()
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", lambda *args, **kwargs: (_ for _ in ()).throw(KeyError))
        with pytest.raises(KeyError):
            compact(log.folder)
    assert len(names(log)) == 2
    found = read_log(log.folder)
    assert (len(found.slates), found.counts["doubled_slates"]) == (1, 0)
    compact(log.folder)
    assert names(log) == ["1970-01-01T01.parquet"]
    assert len(read_log(log.folder).slates) == 1


def test_a_part_that_cant_be_written_loses_nothing(log, monkeypatch):
    log.close()
    monkeypatch.setattr("polars.DataFrame.write_parquet", lambda *a, **k: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        compact(log.folder)
    assert len(names(log)) == 1
    assert len(read_log(log.folder).slates) == 1


def test_what_is_forgotten_leaves_the_files_of_every_hour(log, past):
    mine = log.salt.hash("me")
    log.write([slate("r2", session=mine, history=["secret"])])
    log.close()
    compact(log.folder)
    past(2)
    log.write([slate("r3", session=mine, history=["secret"]), slate("r4")])
    log.forget("me")
    log.close()
    assert compact(log.folder)["forgotten"] == 2
    found = read_log(log.folder)
    assert found.slates["request_id"].to_list() == ["r1", "r4"]
    assert found.counts["forgotten"] == 0
    assert not [f for f in log.folder.iterdir() if b"secret" in f.read_bytes()]


def test_an_order_to_forget_is_kept_for_lines_that_come_late(log):
    log.forget("me")
    log.close()
    compact(log.folder)
    log.write([slate("r2", session=log.salt.hash("me"), time=1)])
    assert read_log(log.folder).slates["request_id"].to_list() == ["r1"]


def test_a_reader_whose_files_go_away_reads_again(log, monkeypatch):
    log.close()
    real, calls = Path.read_bytes, []

    def slow(file):
        if file.suffix == ".jsonl" and not calls:
            calls.append(file)
            compact(log.folder)
        return real(file)

    monkeypatch.setattr(Path, "read_bytes", slow)
    assert len(read_log(log.folder).slates) == 1


def test_a_part_of_an_older_version_is_read(log):
    log.close()
    compact(log.folder)
    [part] = log.folder.glob("*.parquet")
    said = pl.read_parquet_metadata(part)
    said = {key: said[key] for key in ("segments", "torn")}
    older = pl.read_parquet(part).drop("ms", "shown_ms", "failed")
    older.write_parquet(part, metadata=said)
    log.write([slate("r2")])
    log.close()
    assert compact(log.folder)["parts"] == 1
    assert len(read_log(log.folder).slates) == 2
    pl.read_parquet(part).drop("kind").write_parquet(part, metadata=said)
    with pytest.raises(DataError, match="damaged"):
        read_log(log.folder)


def test_a_damaged_part_is_refused_by_name(log):
    log.close()
    compact(log.folder)
    part = log.folder / "1970-01-01T01.parquet"
    part.write_bytes(part.read_bytes()[:-20])
    with pytest.raises(DataError, match="damaged") as refused:
        read_log(log.folder)
    assert str(part) in str(refused.value)
