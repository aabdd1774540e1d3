"""What keys mean: every one has one meaning, and all who ask the table come to agree."""

import inspect
from pathlib import Path

import pytest
from helpers import CONFIGS
from helpers.experiments import TINY, root, store_of
from helpers.run_folders import write_run
from omegaconf import OmegaConf

from seqrec.comparison.read.choose import telling_keys
from seqrec.comparison.read.runs import read_run
from seqrec.config.check.components import components
from seqrec.config.cli.help import ELSEWHERE
from seqrec.config.cli.resume import changed_settings
from seqrec.config.compose import compose, to_values
from seqrec.config.kinds import KINDS
from seqrec.config.make import locate
from seqrec.config.meaning import (
    KEYS,
    MEANING,
    Meaning,
    declared_meanings,
    flat,
    key_of,
    meaning_of,
    naming,
)
from seqrec.run.fingerprint import fingerprint
from seqrec.tune.recipe import left_to_command

CHANGES = {  # to the small run, of every meaning
    Meaning.RESULT: ("dim=9", "encoder.layers=2", "optimizer.lr=0.5", "trainer.ema=0.9"),
    Meaning.REPEAT: ("seed=7",),
    Meaning.MEASURE: ("evaluation.ks=[10]", "evaluation.sampled=5", "metric=[ndcg]"),
    Meaning.SPEED: ("batch.eval_size=3", "loss.memory_mb=1", "trainer.profiler=simple"),
    Meaning.PLACE: ("paths.output_dir=x", "paths.cache_dir=x", "paths.raw_dir=x"),
    Meaning.LABEL: ("tags=[a]", "group=g", "trainer.progress=false", "logger=csv", "rerun=true"),
}
CHOICES = ("metric=[ndcg]", "logger=csv")  # of components
CASES = [(meaning, change) for meaning, changes in CHANGES.items() for change in changes]


@pytest.fixture(scope="module")
def before():
    return to_values(compose(TINY).config)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return store_of(root(), tmp_path_factory.mktemp("stores"))


@pytest.fixture(scope="module")
def usual(store):
    """The fingerprint of the small run."""
    return fingerprint(root(), store)


@pytest.mark.parametrize("given", [[], ["model=popularity"], ["data=files", "data.path=x"]])
def test_every_key_of_a_configuration_has_exactly_one_meaning(given):
    said = [key for keys in KEYS.values() for key in keys] + [kind.name for kind in KINDS]
    assert len(said) == len(set(said))
    for key in flat(to_values(compose(given).config)):
        parts = key.split(".")
        roots = {".".join(parts[:size]) for size in range(1, len(parts) + 1)}
        assert roots & MEANING.keys(), f"{key}: say what it means in seqrec/config/meaning.py"


def test_every_group_has_a_meaning():
    groups = {file.parent.name for file in CONFIGS.glob("*/*.yaml")} - {*ELSEWHERE}
    assert groups <= MEANING.keys()


@pytest.mark.parametrize("kind", [kind.name for kind in KINDS])
def test_what_components_say_of_their_parameters_is_a_meaning_of_a_parameter(kind):
    files = [OmegaConf.load(file) for file in (CONFIGS / kind).glob("*.yaml")]
    for _, node in components([OmegaConf.to_container(file, resolve=False) for file in files]):
        component = locate(node)
        for name, text in getattr(component, "meaning", {}).items():
            assert name in inspect.signature(component).parameters
            assert Meaning(text)


@pytest.mark.slow
@pytest.mark.parametrize(("meaning", "change"), CASES)
def test_resume_sweeps_names_recipes_and_comparisons_agree(meaning, change, before, store, usual):
    after = to_values(compose([*TINY, change]).config)
    assert meaning_of(key_of(change), declared_meanings(after)) is meaning
    counts = meaning in (Meaning.RESULT, Meaning.REPEAT, Meaning.MEASURE)
    assert bool(changed_settings(before, after)) == counts  # resume
    same = fingerprint(root(change), store) == usual  # sweeps
    assert same != counts
    assert bool(naming([change])) == (meaning not in (Meaning.PLACE, Meaning.LABEL))
    assert left_to_command(change) == (meaning in (Meaning.PLACE, Meaning.LABEL))


@pytest.mark.slow
@pytest.mark.parametrize(("meaning", "change"), [c for c in CASES if c[1] not in CHOICES])
def test_comparisons_tell_runs_apart_by_what_makes_another_result(meaning, change, tmp_path):
    changed = flat(to_values(compose([*TINY, change]).config))
    write_run(tmp_path / "a")
    write_run(tmp_path / "b", settings={key_of(change): changed[key_of(change)]})
    runs = [read_run(tmp_path / name) for name in "ab"]
    apart = telling_keys(runs)
    assert (apart == [key_of(change)]) == (meaning is Meaning.RESULT)
    same = runs[0].identity == runs[1].identity
    assert same != (meaning in (Meaning.RESULT, Meaning.REPEAT))


@pytest.mark.slow
def test_files_count_where_no_hash_of_the_data_stands_for_them(store):
    saved, current = (to_values(compose(["data=files", f"data.path={n}.csv"]).config) for n in "ab")
    assert set(changed_settings(saved, current)) == {"data.path"}
    assert left_to_command("data.path=a.csv") and not naming(["data.path=a.csv"])
    config = root("data=files", "data.path=a.csv")
    assert fingerprint(config, store) == fingerprint(root("data=files", "data.path=b.csv"), store)


def test_a_component_of_ones_own_says_itself_what_its_parameters_mean(tmp_path, monkeypatch):
    Path(tmp_path / "own_loss.py").write_text(
        "raise RuntimeError('read, not imported')\n"
        "class Own:\n    meaning = {'chunk': 'speed', 'colour': 'label', 'odd': 'nonsense'}\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    node = {"_target_": "own_loss.Own", "chunk": 1, "colour": 2, "odd": 3, "rate": 4}
    said = declared_meanings({"loss": node})
    assert [meaning_of(f"loss.{name}", said).value for name in list(node)[1:]] == [
        *("speed", "label", "result", "result")
    ]
    assert declared_meanings({"loss": {"_target_": "nowhere.Own"}}) == {}
