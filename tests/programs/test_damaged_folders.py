"""A damaged folder is refused in words or read as it was: no traceback, no changed answer."""

import copy
import json
import os
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from seqrec.comparison.read.runs import read_run
from seqrec.config.cli.resume import check_resumable
from seqrec.config.saved import read_saved
from seqrec.config.trust import NOTHING
from seqrec.errors import RunError, SeqrecError
from seqrec.experiment.evaluate import rebuild
from seqrec.experiment.sweep import _results
from seqrec.recommend import Recommender
from seqrec.run.checkpoints import find_start, read_checkpoint
from seqrec.run.folder import RunFolder

FILES = (
    *("config.yaml", "run.json", "metrics.json", "protocol.json", "history.jsonl"),
    *("ranks.parquet", "catalogue.parquet", "checkpoints/best.ckpt", "manifest.json"),
)


def evaluated(run: Path) -> Any:
    """What evaluate.py and reproduce.py read before they compute."""
    folder = RunFolder.open(run)
    module = rebuild(folder, folder.config())
    about = {k: folder.about()[k] for k in ("precision", "overrides", "choices", "data_hash")}
    return folder.results(), about, float(sum(p.detach().sum() for p in module.parameters()))


def recommended(run: Path) -> Any:
    return Recommender.load(run).recommend(["i1", "i2"], k=5).items.rows()


def compared(run: Path) -> Any:
    read = read_run(run)
    return read.identity, read.measured_on, read.results, read.history, read.ranks["rank"].sum()


def resumed(run: Path) -> Any:
    """What ``resume=`` goes on from."""
    config = copy.deepcopy(_config(run))
    config["trainer"]["max_epochs"] = 99
    start = find_start(check_resumable(run, config)).checkpoint
    about = RunFolder(run).about()
    return start and read_checkpoint(start)["epoch"], about["run_id"], about["data_hash"]


@cache
def _config(run: Path) -> dict[str, Any]:
    """The configuration before anything was damaged."""
    return read_saved(run / "config.yaml", NOTHING)


def summarised(run: Path) -> Any:
    """What the table of a sweep shows of a job; None: it is told to be damaged."""
    return _results(run / "metrics.json")


READERS = (evaluated, recommended, compared, resumed, summarised)
SLOW = (evaluated, recommended, resumed)  # they build a model, or compare whole configurations


def flipped(share: float, bit: int) -> Callable[[Path], None]:
    def flip(file: Path) -> None:
        raw = bytearray(file.read_bytes())
        raw[int(share * (len(raw) - 1))] ^= 1 << bit
        file.write_bytes(raw)

    return flip


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


DAMAGES = {
    **{f"bit {bit} at {at:.0%}": flipped(at, bit) for at, bit in ((0, 0), (0.31, 1), (0.77, 4))},
    "cut": cut,
    "emptied": lambda file: file.write_bytes(b""),
    "missing": Path.unlink,
    "a list": lambda file: file.write_text("[1]"),
}


@pytest.fixture
def run(finished, place):
    """A copy of a finished run, and its data."""
    original = finished("default")
    copy = place.copy(original.run)
    RunFolder(copy).unseal()
    config = (copy / "config.yaml").read_text()
    (copy / "config.yaml").write_text(config.replace(str(original.place.folder), str(place.folder)))
    shutil.copytree(original.place.folder / "cache", place.folder / "cache")
    RunFolder(copy).seal()
    return copy


def outcome(reader: Callable, run: Path) -> Any:
    """What a reader finds, or the first line of its refusal; anything else raised is a failure."""
    try:
        return reader(run)
    except SeqrecError as error:
        assert error.todo and "\n" not in error.what, error
        return error.what


@pytest.mark.parametrize("reader", READERS)
def test_damage_is_told_or_changes_nothing(run, reader):
    whole, told = outcome(reader, run), 0
    assert whole and not isinstance(whole, str)
    for number, name in enumerate(FILES):
        content = (run / name).read_bytes()
        for turn, (damage, harm) in enumerate(DAMAGES.items()):
            if reader in SLOW and (turn + number) % len(DAMAGES) > 1:
                continue  # two kinds of damage for each file
            harm(run / name)
            found = outcome(reader, run)
            assert found == whole or found is None or isinstance(found, str | tuple), (name, damage)
            if isinstance(found, tuple) and found != whole:  # goes on from an earlier epoch
                assert reader is resumed and found[1:] == whole[1:], (name, damage)
            told += isinstance(found, str)
            (run / name).write_bytes(content)
    assert told or reader is summarised
    assert outcome(reader, run) == whole


WRONG = {
    "metrics.json": ["{}", '{"data_hash": 1}', "null"],
    "run.json": [
        *({"facts": 1}, {"facts": {"n_items": "7"}}, {"choices": []}, {"precision": None}),
        *({"facts": {"n_items": 10**15}}, {"facts": {"n_items": 7}}, {"store": 3}),
    ],
    "config.yaml": ["dim: 8", "[]", "dim: [", "\x00"],
    "catalogue.parquet": ["", "text"],
    "protocol.json": ["{}", "7"],
    "ranks.parquet": ["", "text"],
}


READ: dict[Callable, tuple[str, ...]] = {
    evaluated: ("config.yaml", "run.json", "metrics.json"),
    recommended: ("config.yaml", "run.json", "catalogue.parquet"),
    compared: tuple(WRONG),
    resumed: ("config.yaml", "run.json"),
    summarised: ("metrics.json",),
}


@pytest.mark.parametrize("reader", READERS)
def test_wrong_types_are_told_where_no_manifest_tells(run, reader):
    """As in a run of an older version, or a forged one."""
    whole = outcome(reader, run)
    RunFolder(run).unseal()
    for name, contents in WRONG.items():
        content = (run / name).read_bytes()
        for wrong in contents if name in READ[reader] else ():
            text = wrong if isinstance(wrong, str) else json.dumps(json.loads(content) | wrong)
            (run / name).write_text(text)
            found = outcome(reader, run)
            assert found == whole or found is None or isinstance(found, str), (name, wrong)
        (run / name).write_bytes(content)


def test_evaluating_says_equal_only_of_what_it_compared(run, place):
    ask = ("scripts/evaluate.py", f"run={run}")
    assert "equal to metrics.json" in place.run(*ask, "verify=full")
    (run / "metrics.json").write_text("{}")
    said = place.run(*ask, status=1)
    assert "metrics.json can't be read" in said and "equal to" not in said


def test_every_byte_is_checked_on_demand(run, place):
    flipped(0.5, 3)(run / "lists.parquet")  # no reader needs it
    said = place.run("scripts/evaluate.py", f"run={run}", "verify=full", status=1)
    assert "lists.parquet can't be read" in said and "Traceback" not in said


def test_the_folder_that_one_stands_in_is_a_run(run, monkeypatch):
    whole = recommended(run)
    monkeypatch.chdir(run)
    assert recommended(Path()) == whole
    assert RunFolder.open(".").path == run.resolve()


def test_a_folder_that_is_no_run_leads_to_those_that_are(run, tmp_path, monkeypatch):
    for name, changed in (("old", 1e9), ("a/new", 3e9), ("b/middle", 2e9)):
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / "metrics.json").write_text("{}")
        os.utime(tmp_path / "runs" / name / "metrics.json", (changed, changed))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RunError, match="below runs: runs/a/new, runs/b/middle, runs/old"):
        RunFolder.open("runs")
    with pytest.raises(RunError, match="there is no such folder") as refused:
        RunFolder.open("nowhere")
    assert f"the latest below outputs: {run.relative_to(tmp_path)}" in str(refused.value)
    with pytest.raises(RunError, match=f"this is in {run}"):
        RunFolder.open(run / "checkpoints")
