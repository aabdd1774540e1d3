"""Comparing runs: what is read, what may stand in one table, and what the numbers mean."""

import csv
import dataclasses
import io
import subprocess
import sys

import numpy as np
import pytest
from helpers import ROOT
from helpers.comparing import said
from helpers.run_folders import compared, write_run

from seqrec.comparison.estimate.factors import effect, factors, interactions
from seqrec.comparison.estimate.measured import slice_estimates
from seqrec.comparison.read.choose import filter_runs, telling_keys
from seqrec.comparison.read.find import find_runs
from seqrec.comparison.show import table
from seqrec.errors import ConfigError, RunError

# choosing


@pytest.mark.slow
def test_filters_take_any_key_or_choice(runs):
    def chosen(**filters: str) -> int:
        return len(filter_runs(runs, {key.replace("__", "."): v for key, v in filters.items()}))

    assert chosen(encoder="gru") == 6 and chosen(encoder="gru,lstm", head="last") == 6
    assert chosen(encoder="none") == 2 and chosen(seed="2") == 4
    assert chosen(optimizer__lr="3e-3") == 12 and chosen(evaluation__mask_seen="false") == 14
    assert chosen(model="popularity") == 1
    with pytest.raises(ConfigError, match="encodr: unknown, did you mean encoder"):
        filter_runs(runs, {"encodr": "gru"})
    with pytest.raises(ConfigError, match=r"optimizer.rl: unknown, did you mean optimizer.lr"):
        filter_runs(runs, {"optimizer.rl": "1"})
    with pytest.raises(RunError, match="none of the 14 runs has encoder=sru") as refused:
        filter_runs(runs, {"encoder": "sru"})
    assert "encoder is gru, lstm, none" in str(refused.value)


def test_rows_are_told_apart_by_the_fewest_settings_but_seeds(runs, tmp_path):
    assert telling_keys(runs) == ["model", "encoder", "head"]
    assert telling_keys([r for r in runs if r.settings["encoder"] == "gru"]) == ["model", "head"]
    assert telling_keys(runs[:1]) == ["model"]
    for at, rate in enumerate((0.001, 0.01)):
        write_run(tmp_path / str(at), settings={"optimizer.lr": rate, "paths.raw_dir": str(at)})
    assert telling_keys(find_runs([str(tmp_path)])[0]) == ["optimizer.lr"]


def test_rows_that_merge_settings_say_so(runs):
    comparison = compared(runs, by=["encoder"])
    assert [len(row.runs) for row in comparison.rows] == [6, 6, 2]
    assert "rows are means over head, model" in table.notes(comparison)


def test_runs_on_other_data_or_protocols_are_not_compared(tmp_path, capsys):
    write_run(tmp_path / "a")
    write_run(tmp_path / "b", seed=2, card={"data": "other", "data_hash": "b" * 64})
    write_run(tmp_path / "c", seed=3, card={"protocol": "temporal"})
    write_run(tmp_path / "d", seed=4, users=61)
    write_run(tmp_path / "e", seed=5, card={"candidates": 100})
    with pytest.raises(RunError) as refused:
        said(capsys, str(tmp_path))
    text = str(refused.value)
    for telling in ("a" * 12, "b" * 12, "temporal", "100 candidates", "separate=true"):
        assert telling in text
    for run in "abcde":
        assert str(tmp_path / run) in text
    out, _ = said(capsys, str(tmp_path), "separate=true")
    assert out.count("protocol") == 5
    out, _ = said(capsys, str(tmp_path), "seed=1")
    assert out.count("protocol") == 1


# numbers


def test_means_are_those_that_the_runs_wrote(runs):
    for row in compared(runs).rows:
        wrote = [run.results["test/ndcg@10"] for run in row.runs]
        assert row.estimates["ndcg@10"].mean == pytest.approx(np.mean(wrote), abs=1e-12)
        if len(wrote) > 1:
            assert row.estimates["ndcg@10"].sd == pytest.approx(np.std(wrote, ddof=1))


def test_slices_are_those_that_the_runs_wrote(runs):
    comparison = compared(runs)
    found = slice_estimates(comparison, 200)
    assert {"target=cold", "history=short", "user=active"} <= set(found)
    for name, (count, estimates) in found.items():
        for row, estimate in zip(comparison.rows, estimates, strict=True):
            wrote = [run.results[f"slices/{name}/ndcg@10"] for run in row.runs]
            assert estimate.mean == pytest.approx(np.mean(wrote), abs=1e-12)
            assert count == row.runs[0].results[f"slices/{name}/events"]


def test_the_reference_is_the_best_row_or_the_one_asked_for(runs):
    best = compared(runs)
    assert best.reference == 0 and best.rows[0].difference is None
    assert best.rows[0].labels == ("gru_additive", "gru", "additive")
    assert best.rows[0].name == "gru_additive"
    named = compared(runs, reference="popularity")
    assert named.rows[named.reference].labels[0] == "popularity"
    assert all(row.difference.mean > 0 for row in named.rows if row.difference)
    one = compared(runs, reference="encoder=lstm,head=last")
    assert one.rows[one.reference].labels == ("lstm_last", "lstm", "last")
    with pytest.raises(ConfigError, match="several rows") as refused:
        compared(runs, reference="encoder=lstm")
    assert "model=lstm_last,encoder=lstm,head=last" in str(refused.value)
    with pytest.raises(ConfigError, match="no row"):
        compared(runs, reference="nothing")


def test_metrics_of_ranks_at_any_length_and_no_others(runs):
    assert compared(runs, metrics=["hit_rate@3", "accuracy"]).metrics == ["hit_rate@3", "accuracy"]
    for wrong, told in (
        ("ndgc@10", "did you mean ndcg"),
        ("ndcg", "metric=ndcg@10"),
        ("ndcg@0", "can't be read"),
        ("accuracy@5", "metric=accuracy"),
    ):
        with pytest.raises(ConfigError, match=told):
            compared(runs, metrics=[wrong])


def test_other_metrics_are_told_as_the_runs_say_them(runs, tmp_path):
    for at, run in enumerate(runs):
        run.results["test/diversity@10"] = 0.5 + at / 100
    comparison = compared(runs, metrics=["ndcg@10", "diversity@10", "hit_rate@3"])
    assert comparison.metrics == ["ndcg@10", "hit_rate@3"]
    for row in comparison.rows:
        wrote = [run.results["test/diversity@10"] for run in row.runs]
        assert row.reported["diversity@10"].mean == pytest.approx(np.mean(wrote))
        if len(wrote) > 1:
            assert row.reported["diversity@10"].sd == pytest.approx(np.std(wrote, ddof=1))
    lines = table.markdown(comparison).splitlines()
    assert "| hit_rate@3 | diversity@10 | Δ ndcg@10 |" in lines[0]
    rows = list(csv.DictReader(io.StringIO(table.as_csv(comparison))))
    assert float(rows[0]["diversity@10"]) == comparison.rows[0].reported["diversity@10"].mean
    assert float(rows[5]["difference"]) == comparison.rows[5].difference.mean
    with pytest.raises(ConfigError, match="metric=ndcg@10,diversity@10"):
        compared(runs, metrics=["diversity@10", "ndcg@10"])
    runs[3].protocol["category"] = "brand"
    with pytest.raises(RunError, match="different categories: None, brand"):
        compared(runs, metrics=["ndcg@10", "diversity@10"])
    del runs[3].protocol["category"], runs[3].results["test/diversity@10"]
    with pytest.raises(RunError, match="a run has no diversity@10"):
        compared(runs, metrics=["ndcg@10", "diversity@10"])


@pytest.mark.parametrize("changed", [{"sampled": 100}, {"category": "brand"}])
def test_what_changes_no_rank_makes_no_other_row(tmp_path, changed):
    write_run(tmp_path / "a")
    settings = {f"evaluation.{key}": value for key, value in changed.items()}
    write_run(tmp_path / "b", seed=2, settings=settings)
    [row] = compared(find_runs([str(tmp_path)])[0]).rows
    assert len(row.runs) == 2


# settings


def test_a_setting_is_judged_with_the_others_equal(runs):
    comparison = compared(runs)
    assert factors(comparison) == ["encoder", "head"]  # the model is but a name for the two
    encoder = effect(comparison, "encoder")
    mean = {row.labels[1:]: row.estimates["ndcg@10"].mean for row in comparison.rows}
    for level in encoder.levels:
        those = [mean[level.value, head] for head in ("additive", "last")]
        assert level.estimate.mean == pytest.approx(np.mean(those)) and level.rows == 2
    assert encoder.balanced
    [both] = interactions(comparison)
    assert (both.down, both.across) == ("encoder", "head")
    for row, line in zip(both.rows, both.cells, strict=True):
        for column, cell in zip(both.columns, line, strict=True):
            assert cell.mean == pytest.approx(mean[row, column])


def test_what_was_not_tried_with_all_is_left_out_of_an_effect(runs):
    """Without gru and last, only the head that both encoders had counts."""
    some = [r for r in runs if (r.settings["encoder"], r.settings["head"]) != ("gru", "last")]
    encoder = effect(compared(some), "encoder")
    assert encoder.balanced and [level.rows for level in encoder.levels] == [1, 1]


# tables


def test_tables_for_people_papers_and_programs(runs, outputs, capsys):
    comparison = compared(runs, metrics=["ndcg@10", "hit_rate@10"])
    best = comparison.rows[0].estimates["ndcg@10"]
    lines = table.markdown(comparison).splitlines()
    assert lines[0].startswith("| model | encoder | head | runs | ndcg@10 | 95 % interval |")
    assert f"| **{best.mean:.4f} ± {best.sd:.4f}** |" in lines[2] and len(lines) == 8
    rows = list(csv.DictReader(io.StringIO(table.as_csv(comparison))))
    assert float(rows[0]["ndcg@10"]) == best.mean and rows[0]["difference p"] == ""
    assert float(rows[5]["difference"]) == comparison.rows[5].difference.mean
    tex = table.latex(comparison)
    assert r"gru\_additive & gru & additive & 3 & \textbf{" in tex and r"95 \% interval" in tex
    out, err = said(capsys, str(outputs), "format=csv", "replicates=1000")
    assert len(list(csv.reader(io.StringIO(out)))) == 7 and err == ""


def test_a_row_is_not_cut_where_the_terminal_is_narrow(outputs, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    out, _ = said(capsys, str(outputs), "replicates=200")
    assert "popularity" in out and "hit_rate@10" in out and "p (Holm)" in out


@pytest.mark.parametrize(
    ("argument", "told"),
    [
        ("format=markdwn", "did you mean markdown"),
        ("replicates=5", "too few"),
        ("fromat=csv", "did you mean format"),
        ("by=hed", "did you mean head"),
        ("metric=", "need a name"),
        ("report=nowhere/report.html", "doesn't exist"),
        ("--fast", "can't be read"),
    ],
)
def test_mistakes_are_told_with_what_was_meant(outputs, argument, told, capsys):
    with pytest.raises(ConfigError, match=told):
        said(capsys, str(outputs), argument)


@pytest.mark.slow
def test_the_script_answers_without_torch(tmp_path):
    code = "import runpy, sys; sys.argv = sys.argv[1:]\ntry:\n    runpy.run_path(sys.argv[0],"
    code += " run_name='__main__')\nfinally:\n    print('torch' in sys.modules, file=sys.stderr)"
    for argument, status in (("--help", 0), ("format=x", 2)):
        command = [sys.executable, "-c", code, str(ROOT / "scripts/compare.py"), argument]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
        assert done.returncode == status and done.stderr.splitlines()[-1] == "False"
        assert "FOLDER ..." in done.stdout or status


@pytest.mark.parametrize(
    ("text", "md", "tex"),
    [
        ("[kind] <b>_a_</b> lstm_attn", r"\[kind\] \<b>\_a\_\</b> lstm_attn", r"{[}kind] $<$b"),
        ("a|b*c*\n:x:", r"a\|b\*c\* :x:", "a$|$b*c*"),
    ],
)
def test_a_label_is_shown_as_it_is_in_every_format(runs, text, md, tex):
    comparison = compared(runs)
    first = comparison.rows[0]
    rows = [dataclasses.replace(first, labels=(text, *first.labels[1:])), *comparison.rows[1:]]
    comparison = dataclasses.replace(comparison, rows=rows)
    assert f"| {md} |" in table.markdown(comparison)
    assert f"\n{tex}" in table.latex(comparison)
