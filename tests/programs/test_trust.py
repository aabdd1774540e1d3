"""A run's folder is data: no program imports or calls what its files name."""

import json
import runpy
import shutil
import sys
from pathlib import Path

import polars as pl
import pytest
import yaml
from helpers import ROOT
from helpers.experiments import TINY, root
from omegaconf import OmegaConf

import seqrec
from seqrec.config.typed import plain_values
from seqrec.errors import RunError
from seqrec.experiment.run import run
from seqrec.recommend import Recommender

pytestmark = pytest.mark.slow
SIZE = ("data.n_users=50", "head=last", "trainer.max_epochs=1", "dropout=0.0")
PROGRAMS = {
    "evaluate": ("scripts/evaluate.py", "run={run}"),
    "recommend": ("scripts/recommend.py", "run={run}", "items=[i1]"),
    "explain": ("scripts/explain.py", "run={run}", "items=[i1, i2]"),
    "reproduce": ("scripts/reproduce.py", "run={run}"),
    "compare": ("scripts/compare.py", "{run}"),
    "resume": ("train.py", *TINY, *SIZE, "paths.output_dir={outputs}", "resume={run}"),
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run of one epoch."""
    outputs = tmp_path_factory.mktemp("outputs")
    config = root(*SIZE, f"paths.output_dir={outputs}", f"paths.cache_dir={outputs / 'cache'}")
    folder = outputs / "synthetic" / "lstm_attn" / "1"
    choices = {"data": "synthetic", "model": "lstm_attn"}
    run(OmegaConf.create(plain_values(config)), folder, choices=choices, overrides=[])
    return folder


@pytest.fixture
def copied(finished, tmp_path):
    """A forged copy, without the hashes that would tell; ``change`` edits its configuration."""
    without = shutil.ignore_patterns("manifest.json")
    return shutil.copytree(finished, tmp_path / "run", ignore=without)


def change(folder: Path, **keys):
    config = yaml.safe_load((folder / "config.yaml").read_text())
    (folder / "config.yaml").write_text(yaml.safe_dump(config | keys))


def started(monkeypatch, capfd, program: str, folder: Path, *more: str) -> tuple[int, str]:
    """Run a program in this process; its status and what it said."""
    script, *arguments = PROGRAMS[program]
    given = [a.format(run=folder, outputs=folder.parent) for a in (*arguments, *more)]
    monkeypatch.setattr(sys, "argv", [script, *given])
    status = 0
    try:
        runpy.run_path(str(ROOT / script), run_name="__main__")
    except SystemExit as end:
        status = int(end.code or 0)
    out, err = capfd.readouterr()
    return status, out + err


def hostile(owned: Path) -> dict[str, dict]:
    """Nodes that would make a folder, each by another way."""
    makedirs = {"_target_": "os.makedirs", "name": str(owned)}
    head = {"_target_": "seqrec.head.last.Last"}
    return {
        "os.makedirs": {"head": makedirs},
        "builtins.eval": {"head": {"_target_": "builtins.eval", "source": "1"}},
        "subprocess.Popen": {
            "head": {"_target_": "subprocess.Popen", "args": ["mkdir", str(owned)]}
        },
        "nested": {"head": {**head, "inner": {"deep": makedirs}}},
        "in a list": {"head": {**head, "parts": [[makedirs]]}},
        "in a metric": {"metric": {"ndcg": makedirs}},
        "of data": {"data": makedirs},
        "of a strategy": {"trainer": {"strategy": makedirs}},
        "through a module of ours": {
            "head": {**makedirs, "_target_": "seqrec.run.code.os.makedirs"}
        },
        "imported by ours": {
            "head": {"_target_": "seqrec.build.import_module", "name": "antigravity"}
        },
        "a function of ours": {"head": {"_target_": "seqrec.experiment.python.train"}},
        "private": {"head": {"_target_": "seqrec.config.saved._flat", "path": str(owned)}},
        "dunder": {"head": {"_target_": "seqrec.build.__builtins__.eval"}},
        "a partial": {"head": {**makedirs, "_partial_": True}},
    }


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_configuration_that_names_foreign_code_is_refused(
    copied, tmp_path, monkeypatch, capfd, program
):
    owned = tmp_path / "owned"
    config = (copied / "config.yaml").read_text()
    for way, keys in hostile(owned).items():
        change(copied, **keys)
        status, said = started(monkeypatch, capfd, program, copied)
        assert status, (way, said)
        [target] = {node["_target_"] for node in nodes(keys)} - {"seqrec.head.last.Last"}
        [line] = [line for line in said.splitlines() if "names what a run may not" in line]
        assert target in line and str(copied / "config.yaml") in line, (way, said)
        assert f"{next(iter(keys))}." in line and not owned.exists(), (way, said)
        (copied / "config.yaml").write_text(config)


def nodes(value):
    """Every dict with a target."""
    if isinstance(value, dict) and "_target_" in value:
        yield value
    for each in value.values() if isinstance(value, dict) else value:
        if isinstance(each, dict | list):
            yield from nodes(each)


@pytest.mark.parametrize("program", PROGRAMS)
def test_an_interpolation_is_refused_and_reads_no_secret(copied, monkeypatch, capfd, program):
    monkeypatch.setenv("SECRET", "swordfish")
    change(copied, tags=["${oc.env:SECRET}"])
    status, said = started(monkeypatch, capfd, program, copied)
    assert status and "tags.0 is an interpolation" in said and "swordfish" not in said


def test_the_record_of_a_command_is_printed_unresolved(copied, monkeypatch, capfd):
    monkeypatch.setenv("SECRET", "swordfish")
    (copied / ".hydra").mkdir()
    (copied / ".hydra" / "overrides.yaml").write_text("- group=${oc.env:SECRET}\n")
    change(copied, dim=99)
    status, said = started(monkeypatch, capfd, "resume", copied)
    assert status and "${oc.env:SECRET}" in said and "swordfish" not in said


def test_facts_of_run_json_become_no_objects(copied, tmp_path, monkeypatch, capfd):
    owned = tmp_path / "owned"
    about = json.loads((copied / "run.json").read_text())
    makedirs = {"_target_": "os.makedirs", "name": str(owned)}
    for facts in ({"items": makedirs}, {"rating_mean": makedirs}, {"events": {"a": makedirs}}):
        changed = about | {"facts": about["facts"] | facts}
        (copied / "run.json").write_text(json.dumps(changed))
        status, said = started(monkeypatch, capfd, "recommend", copied)
        assert status == 1 and "run.json can't be read: facts" in said
    assert not owned.exists()


def test_a_catalogue_is_text_and_no_formula_in_a_csv(copied, tmp_path, monkeypatch, capfd):
    owned = tmp_path / "owned"
    table = pl.read_parquet(copied / "catalogue.parquet")
    named = ["=1+2", "+cmd|' /C calc'!A0", "-5", "@sum", "{_target_: os.makedirs}"]
    items = pl.Series(named + table["item"].to_list()[len(named) :])
    table.with_columns(item=items).write_parquet(copied / "catalogue.parquet")
    program = PROGRAMS["recommend"]
    monkeypatch.setitem(PROGRAMS, "lists", (program[0], "run={run}"))
    out = tmp_path / "lists.csv"
    status, said = started(monkeypatch, capfd, "lists", copied, f"out={out}", "k=1000")
    assert status == 0, said
    written = set(pl.read_csv(out, infer_schema=False)["item"])
    assert {"'=1+2", "'+cmd|' /C calc'!A0", "-5", "'@sum", named[-1]} <= written
    assert not owned.exists()


OWN = "from seqrec.head.last import Last\n\n\nclass Mine(Last):\n    pass\n"


def test_own_modules_are_named_on_the_command_line(copied, tmp_path, monkeypatch, capfd):
    lab = tmp_path / "lab"
    lab.mkdir()
    (lab / "my_lab_head.py").write_text(OWN)
    head = yaml.safe_load((copied / "config.yaml").read_text())["head"]
    change(copied, head=head | {"_target_": "my_lab_head.Mine"})
    monkeypatch.setattr(sys, "path", [*sys.path])
    status, said = started(monkeypatch, capfd, "recommend", copied)
    assert status == 1 and "head._target_: my_lab_head.Mine doesn't exist" in said
    status, said = started(monkeypatch, capfd, "recommend", copied, f"searchpath={lab}")
    assert status == 0 and "recommended" in said
    assert "my_lab_head" in sys.modules
    with pytest.raises(RunError, match="isn't part of seqrec"):  # now that Python finds it
        Recommender.load(copied)
    with pytest.raises(RunError, match="isn't part of seqrec"):
        seqrec.Run.open(copied).recommend(["i1"])
    assert seqrec.Run.open(copied, searchpath=[lab]).recommend(["i1"]).items.height


def test_trust_says_what_it_lets_pass(copied, tmp_path, monkeypatch, capfd):
    owned = tmp_path / "owned"
    change(copied, head={"_target_": "os.makedirs", "name": str(owned)})
    with pytest.raises(AttributeError):  # None is no head
        started(monkeypatch, capfd, "recommend", copied, "trust=true")
    assert "imported and called: os.makedirs (head._target_)" in capfd.readouterr().err
    assert owned.is_dir()


def test_a_run_trained_here_may_name_what_its_call_chose(tmp_path, monkeypatch):
    (tmp_path / "my_own_head.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    places = (f"paths.output_dir={tmp_path}/o", f"paths.cache_dir={tmp_path}/c")
    mine = seqrec.train(*TINY, *SIZE, *places, "head._target_=my_own_head.Mine")
    assert mine.recommend(["i1"], k=3).items.height == 3
