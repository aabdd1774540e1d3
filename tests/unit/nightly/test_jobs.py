"""Lists for all users are those of a recommender, whatever makes them, and after a kill."""

import errno
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import polars as pl
import pytest
from helpers import ROOT
from helpers.nights import elsewhere, job_of, lists_of
from helpers.small_bundles import vectors, write_bundle
from helpers.untrained import untrained_run
from polars.testing import assert_frame_equal

import seqrec.nightly.job as jobs
from seqrec.bundle import Bundle
from seqrec.errors import ConfigError, DataError, RunError, WriteError
from seqrec.nightly.engines import _attempt, _part, check_engine
from seqrec.nightly.folder import held
from seqrec.recommend import Recommender, Session

SMALL = ("data.n_users=70", "data.n_items=60", "data.length=9")
KINDS = {
    "vectors": ("model=sasrec",),
    "times": ("model=gru_attn", "context=events"),
    "bias": ("model=lstm_attn", "scorer=mlp"),
    "no vectors": ("model=lstm_attn", "scorer=ncf"),
    "reranker": ("model=sasrec", "rerank=mmr"),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """An untrained run, and a folder for its lists."""
    folder = tmp_path_factory.mktemp("nightly")
    runs = {}

    def run(kind="vectors"):
        if kind not in runs:
            place = folder / kind.replace(" ", "_")
            runs[kind] = untrained_run(place, *KINDS[kind], *SMALL, cache=folder / "cache")
        return runs[kind]

    return run


@pytest.fixture
def bundle(tmp_path):
    return write_bundle(tmp_path / "bundle", vectors(300))


@pytest.fixture
def users(tmp_path):
    """A file of 50 histories, of which some have ids that no catalogue knows."""
    rng = np.random.default_rng(0)
    rows = [[f"i{at}" for at in rng.integers(1, 300, rng.integers(1, 30))] for _ in range(50)]
    rows[3], rows[4], rows[5], rows[40][0] = ["x", "y"], [], None, "unknown"
    file = tmp_path / "users.parquet"
    pl.DataFrame({"user": range(50), "items": rows}).write_parquet(file)
    return file


@pytest.mark.parametrize("kind", KINDS)
def test_lists_of_a_run_are_those_that_it_recommends(kind, made, tmp_path):
    folder, _, _ = made(kind)
    recommender = Recommender.load(folder.path)
    lists = lists_of(job_of(tmp_path / "lists", run=folder.path, deny=["i3"]))
    assert lists.columns == ["user", "rank", "item", "score"]
    everybody = pl.concat(recommender.everybody(k=5, deny=["i3"], asked=0))
    both = lists.join(everybody, on=["user", "rank"], suffix="_alone", validate="1:1")
    assert len(both) == len(lists) == len(everybody)
    near = (both["score"] - both["score_alone"]).abs() <= 1e-4 * both["score"].abs().max()
    assert near.all() and (both["item"] == both["item_alone"]).mean() > 0.99  # ties may turn


def test_parts_and_processes_change_no_bit(made, bundle, users, tmp_path):
    of_run = job_of(tmp_path / "run", run=made("times")[0].path, part=80)
    of_bundle = job_of(tmp_path / "bundle_lists", bundle=bundle, users=users, part=80)
    for job, workers in ((of_run, 1), (of_bundle, 2)):  # a process without torch begins sooner
        whole = lists_of(job)
        for part in (16, 48):
            out = job.out.with_name(f"{job.out.name}-{part}")
            assert_frame_equal(lists_of(elsewhere(job, out, part=part), workers=workers), whole)


def test_lists_of_a_bundle_are_those_that_it_recommends(bundle, users, tmp_path):
    job = job_of(tmp_path / "lists", bundle=bundle, users=users, k=7, part=32)
    lists, opened = lists_of(job), Bundle.open(bundle)
    rows = pl.read_parquet(users)
    known = [n for n in range(50) if n not in (3, 4, 5)]
    assert lists["user"].unique(maintain_order=True).to_list() == [str(n) for n in known]
    for number in known:
        alone = opened.recommend(rows["items"][number].to_list(), k=7).items
        own = lists.filter(user=str(number))
        assert own["item"].to_list() == alone["item"].to_list()
        np.testing.assert_allclose(own["score"], alone["score"], rtol=1e-5)
    parts = [jobs.read_part(with_sha(job), number) for number in (0, 1)]
    assert (parts[0].n_without, parts[0].without) == (3, ["3", "4", "5"])


def with_sha(job):
    return elsewhere(job, job.out, sha=json.loads((job.out / "lists.json").read_text())["sha"])


def test_a_file_of_histories_brings_the_columns_that_a_model_reads(made, tmp_path):
    folder = made("times")[0]
    recommender = Recommender.load(folder.path)
    sessions = [recommender.session(f"u{n}") for n in range(20)]
    table = {
        "user": [f"u{n}" for n in range(20)],
        "items": [each.items for each in sessions],
        **{name: [each.context[name] for each in sessions] for name in sessions[0].context},
    }
    assert len(table) > 2
    pl.DataFrame(table).write_parquet(tmp_path / "users.parquet")
    job = job_of(tmp_path / "lists", run=folder.path, users=tmp_path / "users.parquet", part=32)
    lists = lists_of(job)
    for name, each in zip(table["user"], sessions, strict=True):
        session = Session(each.items, context=each.context, asked=0)
        alone = recommender.recommend(session, k=5).items
        assert lists.filter(user=name)["item"].to_list() == alone["item"].to_list()


def test_a_job_goes_on_with_what_is_missing(bundle, users, tmp_path, monkeypatch):
    job = job_of(tmp_path / "lists", bundle=bundle, users=users)
    whole, make = lists_of(elsewhere(job, tmp_path / "whole")), jobs._write
    count = iter(range(9))

    def full(*given):
        if next(count) == 2:
            raise WriteError("the disk is full")
        make(*given)

    monkeypatch.setattr(jobs, "_write", full)
    with pytest.raises(WriteError):
        lists_of(job)
    assert len(list(job.out.glob("part-*"))) == 2 and not (job.out / "manifest.json").exists()
    (job.out / ".part-00002.parquet.7-ab.part").write_bytes(b"half")  # of a killed process
    before = (job.out / "part-00001.parquet").stat().st_mtime_ns
    assert_frame_equal(lists_of(job, at=None), whole)
    assert (job.out / "part-00001.parquet").stat().st_mtime_ns == before
    assert sorted(path.name for path in job.out.iterdir()) == [
        *("lists.json", "manifest.json"),
        *(f"part-0000{number}.parquet" for number in range(4)),
    ]


def test_a_damaged_part_is_made_again(bundle, users, tmp_path):
    job = job_of(tmp_path / "lists", bundle=bundle, users=users)
    whole = lists_of(job)
    file = job.out / "part-00001.parquet"
    content = bytearray(file.read_bytes())
    content[40] ^= 1
    file.write_bytes(content)
    shutil.copy(job.out / "part-00002.parquet", job.out / "part-00003.parquet")
    assert_frame_equal(lists_of(job), whole)


def test_a_folder_holds_one_job(bundle, users, tmp_path):
    job = job_of(tmp_path / "lists", bundle=bundle, users=users)
    lists_of(job)
    with pytest.raises(RunError, match=r"another job: k=5, 6 now"):
        lists_of(job_of(job.out, bundle=bundle, users=users, k=6))
    with pytest.raises(RunError, match="another job: part=16, 32 now"):
        lists_of(elsewhere(job, job.out, part=32))
    with pytest.raises(RunError, match="another job: model="):
        lists_of(elsewhere(job, job.out, model=write_bundle(tmp_path / "b", vectors(300, seed=1))))
    pl.read_parquet(users).head(40).write_parquet(users)
    with pytest.raises(RunError, match="another job: data="):
        lists_of(job)
    other = tmp_path / "other"
    other.mkdir()
    (other / "notes.txt").touch()
    with pytest.raises(RunError, match=r"holds notes\.txt"):
        lists_of(elsewhere(job, other))
    with held(tmp_path / "held"), pytest.raises(RunError, match="another process makes lists"):
        lists_of(elsewhere(job, tmp_path / "held"))


def test_a_full_disk_leaves_nothing_half_written(bundle, users, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    job = job_of(tmp_path / "lists", bundle=bundle, users=users)
    monkeypatch.setattr(pl.DataFrame, "write_parquet", full)
    with pytest.raises(WriteError, match="the disk is full"):
        lists_of(job)
    assert [path.name for path in job.out.iterdir()] == ["lists.json"]


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({"user": ["a"], "item": ["i1"]}, "the file has the columns user"),
        ({"user": ["a", "a"], "items": [["i1"]] * 2}, "the user 'a' more than once"),
        ({"user": ["a"], "items": [["i1"]], "rating": [[3.0]]}, "rating isn't a list that"),
        ({"user": ["a"], "items": [["nothing"]]}, "knows no item of any user"),
    ],
)
def test_what_a_file_of_histories_lacks_is_told(table, told, bundle, tmp_path):
    file = tmp_path / "wrong.parquet"
    pl.DataFrame(table).write_parquet(file)
    with pytest.raises(DataError, match=told):
        lists_of(job_of(tmp_path / "lists", bundle=bundle, users=file))
    file.write_bytes(b"no parquet")
    with pytest.raises(DataError, match="the file of users can't be read"):
        lists_of(job_of(tmp_path / "lists", bundle=bundle, users=file))


def test_engines_say_what_they_lack(monkeypatch):
    check_engine("local", workers=2, address=None)
    with pytest.raises(ConfigError, match="engine=dask is unknown"):
        check_engine("dask", workers=1, address=None)
    with pytest.raises(ConfigError, match="must be at least 1"):
        check_engine("local", workers=0, address=None)
    monkeypatch.setattr("seqrec.nightly.engines.find_spec", lambda name: name)
    monkeypatch.setenv("JAVA_HOME", "/nowhere")
    with pytest.raises(ConfigError, match="Spark needs Java"):
        check_engine("spark", workers=1, address=None)
    with pytest.raises(ConfigError, match=r"no cluster answers at 127\.0\.0\.1:1"):
        check_engine("ray", workers=1, address="127.0.0.1:1")
    monkeypatch.setattr("seqrec.nightly.engines.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="needs ray, which isn't installed"):
        check_engine("ray", workers=1, address=None)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["ray", "spark"])
def test_engines_make_the_same_lists(engine, bundle, users, tmp_path):
    try:
        check_engine(engine, workers=2, address=None)
    except ConfigError as error:
        pytest.skip(error.what)
    job = job_of(tmp_path / "lists", bundle=bundle, users=users)
    expected = lists_of(elsewhere(job, tmp_path / "local"))
    assert_frame_equal(lists_of(job, engine, workers=2), expected)


def test_an_error_of_a_part_is_a_result_that_no_cluster_tries_again(bundle, users, tmp_path):
    job = job_of(tmp_path / "lists", bundle=bundle, users=users)
    result = _attempt(job, 0)  # of a job that was never begun
    assert isinstance(result, RunError) and "aren't those that the job began with" in str(result)
    with pytest.raises(RunError):
        _part(result)


def test_a_bundle_needs_no_torch(bundle, users, tmp_path):
    code = (
        "import sys; sys.path[:0] = ['tests']; from pathlib import Path\n"
        "from helpers.nights import job_of, lists_of\n"
        f"job = job_of(Path({str(tmp_path / 'lists')!r}), bundle=Path({str(bundle)!r}), "
        f"users=Path({str(users)!r}))\n"
        "assert len(lists_of(job)) == 47 * 5 and 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
