"""``import seqrec``: five names that do from Python what the commands do."""

import subprocess
import sys

import polars as pl
import pytest
from helpers import ROOT
from helpers.pages import blocks
from helpers.place import QUICK

import seqrec
from seqrec.errors import ConfigError, RunError

GIVEN = (*QUICK, "logger=none", "trainer.max_epochs=2", "model=gru_attn")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("python")
    places = (f"paths.output_dir={folder}/outputs", f"paths.cache_dir={folder}/cache")
    return seqrec.train(*GIVEN, *places)


def test_importing_it_imports_nothing_else():
    code = "import sys; before = set(sys.modules); import seqrec; dir(seqrec); "
    code += "print([n for n in set(sys.modules) - before if n.startswith(('torch', 'seqrec.'))])"
    command = [sys.executable, "-c", code]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert said.strip() == "[]"


def test_every_public_name_is_there_and_no_other():
    for name in seqrec.__all__:
        assert getattr(seqrec, name).__doc__
    with pytest.raises(AttributeError, match="'seqrec' has no attribute 'trian'"):
        seqrec.trian  # noqa: B018


@pytest.mark.slow
def test_a_run_says_what_its_folder_holds(run):
    assert run.metrics["epochs"] == 2 and run.metrics["test/ndcg@10"] > 0
    assert run.history["epoch"].to_list() == [1, 2]
    assert "model=gru_attn" in run.command
    again = seqrec.Run.open(run.folder)
    assert repr(again) == repr(run) and again.metrics == run.metrics


@pytest.mark.slow
def test_evaluating_again_gives_the_metrics_of_the_run(run):
    results = run.evaluate(accelerator="cpu")
    assert results == {key: run.metrics[key] for key in results}
    assert "valid/ndcg@3" in run.evaluate(split="valid", ks=[3])
    with pytest.raises(ConfigError, match=r"evaluation.kss: unknown, did you mean ks\?"):
        run.evaluate(kss=[3])


@pytest.mark.slow
def test_a_run_recommends_to_sessions_and_users(run):
    answer = run.recommend(["i3", "i17"], k=5, mask_seen=True)
    assert answer.items["rank"].to_list() == [1, 2, 3, 4, 5]
    assert not {"i3", "i17"} & set(answer.items["item"])
    user = pl.read_parquet(run.folder / "ranks.parquet")["user"][0]
    assert len(run.recommend(run.recommender.session(user), k=3).items) == 3


@pytest.mark.slow
def test_comparing_gives_numbers_and_prints_the_table_of_the_command(run):
    compared = seqrec.compare([run], metrics=["ndcg@10"], replicates=100)
    assert compared.table["ndcg@10"].to_list() == [pytest.approx(run.metrics["test/ndcg@10"])]
    assert "gru_attn" in repr(compared) and compared.notes[0] in repr(compared)
    with pytest.raises(RunError, match="no finished run"):
        seqrec.compare([run.folder / "checkpoints"])


def test_opening_what_is_no_run_says_so(tmp_path):
    with pytest.raises(seqrec.SeqrecError, match="not the folder of a run"):
        seqrec.Run.open(tmp_path)


@pytest.mark.slow
def test_what_the_page_shows_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for block in blocks(ROOT / "docs" / "api.md"):
        if block.language == "python":
            exec(block.text, {})
    assert "popularity" in capsys.readouterr().out
