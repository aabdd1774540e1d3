"""Preparing on Spark gives, event by event, what preparing on this machine gives."""

import os
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from helpers import ROOT
from helpers.on_spark import JVM, SMALL, events, here, needs_spark, told
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from seqrec.config.schema import Engine, Prepare, Repeats, Spark, Ties
from seqrec.data.files import Files
from seqrec.errors import ConfigError, DataError
from seqrec.raw.parse.formats import BROKEN_JSON, WRONG_COUNT
from seqrec.raw.source import Interactions, Known
from seqrec.raw.spark import session as sessions
from seqrec.store.prepare import _build, _key
from seqrec.store.store import SequenceStore

EXAMPLES = int(os.environ.get("SPARK_EXAMPLES", "0"))  # drawn ones; seconds each


@pytest.fixture(scope="module")
def spark(tmp_path_factory):
    """The active session, which all preparations here use."""
    conf = [*SMALL, f"spark.driver.extraJavaOptions={JVM}"]
    own = sessions._started(Spark("local[2]", conf), tmp_path_factory.mktemp("spark"))
    yield own
    sessions._end(own)


@dataclass(frozen=True)
class Table:
    """A source of events that are in memory."""

    events: pl.DataFrame
    known: Known | None = None
    name = "table"

    def files(self):
        return []

    def read(self):
        items = pl.LazyFrame({"item": ["1", "i2"], "title": ["One", "Two"], "size": [1, 2]})
        return Interactions(self.events.lazy(), items, {"missing id": 2}, known=self.known)


def there(source, steps, folder):
    """What Spark makes of it."""
    _build(source, replace(steps, engine=Engine.spark), folder / "there")
    return told(folder / "there")


EVERY = Prepare(
    min_rating=2.0,
    ties=Ties.shuffle,
    repeats=Repeats.consecutive,
    session_gap=30.0,
    k_core=2,
    min_user_events=3,
    k_core_before="1970-01-01T05:00:00",
    max_history=5,
    shards=3,
)
STEPS = st.builds(
    Prepare,
    min_rating=st.sampled_from([None, 2.0, 2.5]),
    ties=st.sampled_from(Ties),
    repeats=st.sampled_from(Repeats),
    session_gap=st.sampled_from([None, 30.0]),
    k_core=st.sampled_from([0, 2, 4]),
    min_item_events=st.sampled_from([None, 3]),
    min_user_events=st.sampled_from([None, 3]),
    min_session_events=st.sampled_from([None, 2]),
    k_core_before=st.sampled_from([None, "1970-01-01T03:00:00"]),
    max_history=st.sampled_from([None, 5]),
)


def agree(frame, steps, folder):
    """Compare the engines on a table; both may find that nothing is left.

    If sessions are cut, the table is that of an update: some items and sessions are known.
    """
    users = pl.Series(["u1/1", "u2/1", "u3/2", None])
    known = Known(pl.Series(["i2", "no", "3", "4"]), users, 12_000_000)
    source = Table(frame, known if steps.session_gap else None)
    try:
        one = here(source, steps, folder)
    except DataError as error:
        with pytest.raises(DataError) as why:
            there(source, steps, folder)
        assert str(why.value) == str(error)
        return
    assert there(source, steps, folder) == one
    if steps.shards:
        assert SequenceStore(folder / "there").n_shards == steps.shards


@needs_spark
@pytest.mark.slow
def test_the_engines_agree_event_by_event(spark, tmp_path_factory, monkeypatch):
    monkeypatch.setattr("seqrec.store.spark.events.BUCKET", 70)  # events: several buckets
    monkeypatch.setattr("seqrec.store.spark.shards.SHARD", 20)
    drawn = [Phase.generate] if EXAMPLES else []

    @settings(max_examples=EXAMPLES or 1, deadline=None, phases=[Phase.explicit, *drawn])
    @given(seed=st.integers(0, 1 << 20), steps=STEPS, has_parts=st.booleans())
    @example(seed=1, steps=EVERY, has_parts=False)
    def check(seed, steps, has_parts):
        frame = events(seed)
        if has_parts:
            part = np.random.default_rng(seed).integers(0, 3, len(frame))
            frame = frame.with_columns(_part=pl.Series(part, dtype=pl.Int8))
        agree(frame, steps, tmp_path_factory.mktemp("agree"))

    check()


def write_parts(folder: Path, frame: pl.DataFrame) -> None:
    """Write events as CSV and as JSON lines in three parts, some of whose rows are malformed."""
    for at, begin in (3, 0), (10, 60), (1, 140):
        part = frame[begin : begin + 60]
        part.write_csv(folder / f"part-{at}.csv")
        part.write_ndjson(folder / f"part-{at}.jsonl")
    rows = (folder / "part-3.csv").read_text().splitlines()
    rows[5], rows[9], rows[12] = ",i3,600000,2,w,1", "u4,i3,noon,2,w,1", "u4,i3"
    rows[13], rows[14] = '"u5","i3",600000,2.5,"w,b",1e-1', " u6 ,7.0,6e5, 3 , ,nan"
    (folder / "part-3.csv").write_text("\n".join(rows) + "\n\n")
    rows = (folder / "part-3.jsonl").read_text().splitlines()
    rows[5] = "{broken"
    rows[6] = '{"user": 3.0, "item": "4", "timestamp": 600000, "rating": "2.5", "c1": null}'
    rows[7] = '{"user": "3", "item": "4", "timestamp": 600000, "rating": null, "c1": "w"}'
    (folder / "part-3.jsonl").write_text("\n".join(rows) + "\n")


@needs_spark
@pytest.mark.slow
def test_spark_reads_files_with_a_url_as_this_machine_reads_them(spark, tmp_path):
    """JSON lines as the events for training, delimited text as those for testing."""
    frame = events(0).filter(pl.col("rating").is_finite(), pl.col("user") != " ")
    write_parts(tmp_path, frame.rename({"_row_": "dwell"}))
    source = Files(
        path=f"{tmp_path}/*.jsonl",
        test_path=f"{tmp_path}/part-?.csv",
        user="user",
        item="item",
        rating="rating",
        context=["c1", {"dwell": "number"}],
        time_unit="ms",
        max_bad_rows=0.05,
    )
    urls = {key: f"file://{getattr(source, key)}" for key in ("path", "test_path")}
    steps = Prepare(repeats=Repeats.last, k_core=2)
    one = here(source, steps, tmp_path)
    other = there(replace(source, **urls), steps, tmp_path)
    assert {BROKEN_JSON, WRONG_COUNT} < one["report"]["rejected"].keys()
    del one["report"]["notes"], other["report"]["notes"]  # of what is left to local readers
    assert other == one


@needs_spark
@pytest.mark.slow
def test_what_spark_does_not_read_is_refused_by_name(spark, tmp_path):
    frame = events(0)
    frame.select("user", "item", "timestamp").write_parquet(tmp_path / "a.parquet")
    frame.select("user", "timestamp", "rating").write_parquet(tmp_path / "b.parquet")
    (tmp_path / "c.csv").write_text('user,item,timestamp\nu,"a ""b""",1\n')

    def refused(name, **given):
        source = Files(path=f"file://{tmp_path}/{name}", user="user", item="item", **given)
        with pytest.raises(DataError) as error:
            there(source, Prepare(), tmp_path)
        assert not [*tmp_path.glob("there*")], "something is left"
        return str(error.value)

    assert "a.parquet has no rating" in refused("*.parquet", rating="rating", time_unit="s")
    assert "data.time_unit=s, ms" in refused("a.parquet")
    assert "quotes within cells" in refused("c.csv", time_unit="s")
    assert "names no file" in refused("d.csv")


def test_settings_that_spark_cannot_follow_are_refused_before_it_is_started():
    with pytest.raises(ConfigError, match=r"data\.where, data\.order"):
        Files(path="s3://bucket/events", where={"event": "buy"}, order="newest_first")
    with pytest.raises(ConfigError, match="give all of them URLs"):
        Files(path="s3://bucket/events", test_path="test.csv")
    with pytest.raises(ConfigError, match=r"from a disk(?s:.*)where: data.users_path"):
        Files(path="events.csv", users_path="s3://bucket/users.csv")
    with pytest.raises(DataError, match=r"set prepare\.engine=spark"):
        Files(path="s3://bucket/events").read()


def test_what_is_missing_is_said_with_its_package(monkeypatch, tmp_path):
    monkeypatch.setattr(sessions, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"\[spark\]"):
        sessions.check_spark()
    monkeypatch.setattr(sessions, "find_spec", find_spec)
    if find_spec("pyspark") is None:
        return
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(ConfigError, match="openjdk-17-jre-headless"):
        sessions.check_spark()
    java = tmp_path / "bin/java"
    java.parent.mkdir()
    java.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\"' >&2\n")
    java.chmod(0o755)
    with pytest.raises(ConfigError, match="is Java 11"):
        sessions.check_spark()
    text = (
        "java.lang.ClassNotFoundException: Class org.apache.hadoop.fs.s3a.S3AFileSystem not found"
    )
    assert "hadoop-aws:3" in str(sessions.in_words(Exception(text), Spark()))
    with pytest.raises(ConfigError, match=r"'driver=1' is no setting"):
        sessions._own_conf(["spark.driver.memory=1g", "driver=1"])
    full = sessions.in_words(Exception("java.io.IOException: No space left on device"), Spark())
    assert "the disk is full" in str(full)


def test_the_engine_is_no_part_of_the_key_of_a_store():
    source = Files(path=str(ROOT / "pyproject.toml"))
    assert _key(source, Prepare()) == _key(
        source, Prepare(engine=Engine.spark, spark=Spark("spark://host:7077"))
    )
