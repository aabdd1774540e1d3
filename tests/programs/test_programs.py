"""The programs themselves: how they answer, end and read their arguments."""

import subprocess
import sys
import textwrap
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from helpers import ROOT

from seqrec.config.cli.script import PAIRS, WORDS, parse, usage
from seqrec.errors import ConfigError, DataError

HEAVY = ("torch", "pytorch_lightning", "wandb", "polars", "numpy")


@pytest.mark.slow
def test_the_program_answers_at_once_and_without_a_traceback():
    names = ", ".join(repr(name) for name in HEAVY)
    code = f"""
        import runpy, sys
        sys.argv = ["train.py", *sys.argv[1:]]
        try:
            runpy.run_path("train.py", run_name="__main__")
        finally:
            print([name for name in ({names}) if name in sys.modules], file=sys.stderr)
    """
    for argument, status in (("--help", 0), ("encoder=lsmt", 2)):
        command = [sys.executable, "-c", textwrap.dedent(code), argument]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
        assert done.returncode == status
        assert done.stderr.splitlines()[-1] == "[]"
        assert "Traceback" not in done.stderr
        if status == 0:
            assert "model=lstm_attn data=amazon" in done.stdout
            assert "$" not in done.stdout


# train.py with a run that does nothing but end in a certain way


def end(config, run_dir, *, choices, overrides, reuse):
    """End as the seed says."""
    assert choices["data"] == "synthetic" and run_dir.is_dir()
    if config.seed == 2:
        raise DataError("a file is missing", where="there", todo="look")
    if config.seed == 3:
        raise KeyError("a mistake in the code")
    if config.seed == 4:
        raise KeyboardInterrupt
    (run_dir / "ran").touch()
    return {"valid/ndcg@10": 0.5}


@pytest.fixture
def ended(place, monkeypatch):
    """Run ``train.py`` to its end; the lines that it prints."""
    monkeypatch.setattr("seqrec.experiment.job.load_run", lambda: end)

    def run(*arguments: str, status: int) -> list[str]:
        return place.run("train.py", "data=synthetic", *arguments, status=status).splitlines()

    return run


@pytest.mark.slow
def test_a_failing_job_is_recorded_and_the_others_go_on(ended, place):
    ended("-m", "seed=1,2,3,5", "tags=[a/b]", status=1)
    jobs = sorted((place.outputs / "synthetic" / "sweeps").glob("*/[0-9]*"))
    assert [job.name for job in jobs] == [
        f"{number}_seed-{seed}" for number, seed in enumerate((1, 2, 3, 5))
    ]
    assert [(job / "ran").exists() for job in jobs] == [True, False, False, True]
    assert (jobs[1] / "error.txt").read_text().startswith("a file is missing\n  where: there")
    assert "Traceback" in (jobs[2] / "error.txt").read_text()


def test_a_failing_run_is_told_without_a_traceback(ended):
    assert ended("seed=2", status=1) == ["a file is missing", "  where: there", "  fix: look"]


def test_an_interrupted_run_says_how_to_go_on(ended):
    (line,) = ended("seed=4", "tags=[a b]", status=130)
    assert line.startswith("stopped; continue with: python train.py data=synthetic")
    assert "seed=4 'tags=[a b]' " in line and line.endswith("resume=auto")


# Arguments of scripts


@dataclass
class Arguments:
    """Try a thing.

    python scripts/thing.py run=FOLDER
    """

    run: Path  # folder of a run
    items: list[str] | None = None  # ids
    k: int = 10  # length of the list
    quiet: bool = False
    tags: list[str] = field(default_factory=list)


def test_script_values_keep_their_text():
    text = "items=[0000013714, 1e5, 'a, b', B0002E1G5C]"
    arguments = parse(Arguments, ["run=x/y", text, "k=3", "quiet=true"])
    assert arguments == Arguments(Path("x/y"), ["0000013714", "1e5", "a, b", "B0002E1G5C"], 3, True)
    assert parse(Arguments, ["run=x", "items=null", "tags=[]"]).items is None


@dataclass
class Loose:
    """Look at things.

    python scripts/look.py FOLDER key=value
    """

    places: list[str] = field(default_factory=lambda: ["here"], metadata=WORDS)  # where
    others: dict[str, str] = field(default_factory=dict, metadata=PAIRS)  # what
    k: int = 1


def test_a_script_may_take_words_and_any_key(tmp_path, monkeypatch):
    assert parse(Loose, []) == Loose()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a=b").mkdir()
    given = ["x/y", "a=b", "encoder.layers='2'", "k=3", "others=4"]
    pairs = {"encoder.layers": "2", "others": "4"}
    assert parse(Loose, given) == Loose(["x/y", "a=b"], pairs, 3)
    with pytest.raises(ConfigError, match="--fast: can't be read"):
        parse(Loose, ["--fast"])
    assert "  FOLDER ...  where (default here)\n  KEY=VALUE   what (default none)" in usage(Loose)


def test_script_mistakes_are_told_together_with_the_usage():
    with pytest.raises(ConfigError) as refused:
        parse(Arguments, ["itms=[a]", "k=few", "quiet=maybe"])
    text = str(refused.value)
    assert "itms: unknown, did you mean items?" in text
    assert "k: 'few' isn't a whole number" in text and "quiet: 'maybe' isn't true or false" in text
    assert "run: must be given" in text
    assert "  run    folder of a run (required)" in text


def test_a_mistyped_argument_isnt_missing_too():
    with pytest.raises(ConfigError) as refused:
        parse(Arguments, ["rnu=x"])
    text = str(refused.value)
    assert "rnu: unknown, did you mean run?" in text and "must be given" not in text
    assert "--help shows the usage" in text and "(required)" not in text


def test_script_help(capsys):
    with pytest.raises(SystemExit):
        parse(Arguments, ["--help"])
    assert "k      length of the list (default 10)" in capsys.readouterr().out
