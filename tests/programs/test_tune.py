"""Tuning: what is tried, that validation alone judges, and studies that several processes share."""

import json
import signal
import time

import optuna
import pytest
from helpers import ROOT
from helpers.commands import load_script
from helpers.place import SMALL, Place
from omegaconf import OmegaConf
from optuna.trial import FixedTrial, TrialState

from seqrec.errors import ConfigError, RunError
from seqrec.experiment.python import composed
from seqrec.training.evaluated import EvaluatedModule
from seqrec.tune.space import Range, Space, overrides
from seqrec.tune.study import Search, open_study, work
from seqrec.tune.trial import Outcome

SPACE = """
optimizer.lr: {low: 1e-3, high: 1e-1, log: true}
dropout: {low: 0.0, high: 0.4, step: 0.2}
encoder: [gru, lstm]
"""
TRIED = "".join(line for line in SPACE.splitlines(keepends=True) if "dropout" not in line)
TINY = (*SMALL, "trainer.accelerator=cpu", "trainer.max_epochs=3", "max_length=12")


SCRIPT = load_script("tune")


@pytest.fixture
def space(tmp_path):
    file = tmp_path / "small.yaml"
    file.write_text(SPACE)
    return file


def typed_in(tmp_path, space, *more: str) -> list[str]:
    places = (f"paths.output_dir={tmp_path}/outputs", f"paths.cache_dir={tmp_path}/stores")
    return [f"space={space}", *TINY, *places, *more]


def tuned(arguments: list[str]):
    SCRIPT.tune(SCRIPT.parse(SCRIPT.Arguments, arguments))


def study_of(folder) -> optuna.Study:
    file = str(folder / "study.jsonl")
    storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(file))
    return optuna.load_study(study_name=None, storage=storage)


# spaces -------------------------------------------------------------------------------------------


def test_every_space_of_the_project_is_one():
    for file in (ROOT / "configs/tune").glob("*.yaml"):
        assert Space.load(file.stem, file.parent).varied


def test_a_space_suggests_what_its_file_says(space):
    read = Space.load(str(space), space.parent)
    assert read.varied["optimizer.lr"] == Range(1e-3, 1e-1, None, True)
    trial = FixedTrial({"optimizer.lr": 0.0123456, "dropout": 0.2, "encoder": "lstm"})
    values = read.suggest(trial)
    assert overrides(values) == ["optimizer.lr=0.01235", "dropout=0.2", "encoder=lstm"]
    corners = [dict(each.split("=") for each in corner) for corner in read.corners()]
    assert {each["encoder"] for each in corners} == {"gru", "lstm"}
    assert {each["dropout"] for each in corners} == {"0.0", "0.4"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("dim: 3", "isn't a range"),
        ("dim: []", "isn't a range"),
        ("dim: {low: 3}", "isn't a range"),
        ("dim: {low: 3, high: 2}", "low must be below high"),
        ("dim: {low: 0, high: 2, log: true}", "above 0 with log"),
        ("dim: {low: a, high: b}", "low must be below high"),
        ("dim: {low: 1, high: 2, lag: true}", "lag"),
        ("dim: [[1, 2]]", "a choice must be a single value"),
        ("{}", "varies nothing"),
    ],
)
def test_what_is_no_space_is_refused(tmp_path, text, told):
    file = tmp_path / "space.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=told):
        Space.load(str(file), tmp_path)


def test_a_space_that_is_not_there_says_which_are():
    with pytest.raises(ConfigError, match="default"):
        Space.load("defautl", ROOT / "configs/tune")


@pytest.mark.parametrize(
    ("line", "told"),
    [("optimizer.lrr: [1e-3]", "lr"), ("encoder: [gruu]", "gru"), ("dropout: [2]", "dropout")],
)
def test_a_key_that_is_not_there_is_told_before_anything_is_tried(tmp_path, line, told):
    file = tmp_path / "space.yaml"
    file.write_text(line)
    with pytest.raises(ConfigError, match=told):
        tuned(typed_in(tmp_path, file))
    assert not (tmp_path / "outputs").exists()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("trials=0", "at least 1"),
        ("also=beauty", "parameters"),
        ("pruner=axe", "median"),
        ("trails=3", "trails: unknown, did you mean trials"),
        ("spase=rnn", "did you mean space"),
        ("sede=3", "did you mean seed"),
        ("encoder=gru", "the space small varies it"),
        ("storage=nosql://x", "can't be opened"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(tmp_path, space, given, told):
    with pytest.raises(ConfigError, match=told):
        tuned(typed_in(tmp_path, space, given))


# studies ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A study of five trials, in which no test event was looked at."""
    folder = tmp_path_factory.mktemp("tuned")
    space = folder / "small.yaml"
    space.write_text(TRIED)

    def forbidden(*ignored):
        raise AssertionError("tuning looked at the test events")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(EvaluatedModule, "test_step", forbidden)
        tuned(typed_in(folder, space, "trials=5"))
    return folder


@pytest.mark.slow
def test_a_study_ends_with_plots_and_a_recipe_that_is_the_best_trial(finished):
    folder = finished / "outputs/synthetic/tune/lstm_attn_small"
    trials = study_of(folder).get_trials(states=(TrialState.COMPLETE, TrialState.PRUNED))
    assert len(trials) == 5
    best = max((t for t in trials if t.values), key=lambda t: t.values[0])
    recipe = (folder / "experiment/lstm_attn_small.yaml").read_text()
    assert f"{best.values[0]:.4f} with one seed" in recipe and "not tested" in recipe
    again = composed(
        [f"hydra.searchpath=[file://{folder}]", "experiment=lstm_attn_small",
         f"paths.output_dir={finished}/outputs", f"paths.cache_dir={finished}/stores"]
    ).config  # fmt: skip
    tried = OmegaConf.load(f"{best.user_attrs['folder']}/config.yaml")
    got = OmegaConf.to_container(again, resolve=True, enum_to_str=True)
    assert got | {"paths": None} == OmegaConf.to_container(tried) | {"paths": None}
    page = (folder / "study.html").read_text()
    assert "Importance for valid/ndcg@10" in page and page.count("<tr>") == 6
    assert not list(folder.glob("trials/*/checkpoints/*")) and not list(folder.glob("*.part"))


@pytest.mark.slow
def test_a_study_goes_on_and_holds_to_what_it_was_begun_with(finished):
    space, folder = finished / "small.yaml", finished / "outputs/synthetic/tune/lstm_attn_small"
    tuned(typed_in(finished, space, "trials=6"))
    tuned(typed_in(finished, space, "trials=6"))  # nothing is left to do
    assert len(study_of(folder).trials) == 6
    for other, told in (("dim=8", "configuration"), ("data.n_users=150", "configuration|data"),
                        ("also=parameters", "objectives")):  # fmt: skip
        given = [each for each in typed_in(finished, space) if not each.startswith(other[:4])]
        with pytest.raises((RunError, ConfigError), match=told):
            tuned([*given, other])


@pytest.mark.slow
def test_two_objectives_have_a_front(tmp_path, space, capsys):
    space.write_text(TRIED)
    tuned(typed_in(tmp_path, space, "trials=3", "also=parameters"))
    said = capsys.readouterr().out
    assert "Pareto front" in said and "recipe" in said
    study = study_of(tmp_path / "outputs/synthetic/tune/lstm_attn_small")
    assert all(len(trial.values) == 2 for trial in study.trials)


@pytest.mark.slow
def test_two_processes_share_a_study(tmp_path, space):
    space.write_text(TRIED)
    place = Place(tmp_path)
    given = [*typed_in(tmp_path, space, "trials=4")]
    both = [place.start("scripts/tune.py", *given) for _ in range(2)]
    ended, said = zip(*(each.end() for each in both), strict=True)
    assert ended == (0, 0), said
    trials = study_of(tmp_path / "outputs/synthetic/tune/lstm_attn_small").trials
    assert len(trials) == 4
    lines = [line for text in said for line in text.splitlines() if line.startswith("trial ")]
    assert len(lines) == len(trials)
    assert len({tuple(trial.params.values()) for trial in trials}) == len(trials)


@pytest.mark.slow
def test_a_trial_whose_process_was_killed_is_tried_again(tmp_path, space):
    space.write_text(TRIED)
    place, folder = Place(tmp_path), tmp_path / "outputs/synthetic/tune/lstm_attn_small"
    given = typed_in(tmp_path, space, "trials=2")
    slow = [each for each in given if "max_epochs" not in each]
    long = ("trainer.max_epochs=3000", "trainer.patience=0")
    running = place.start("scripts/tune.py", *slow, *long)
    until = time.monotonic() + 120
    while not list(folder.glob("trials/*/history.jsonl")) and time.monotonic() < until:
        time.sleep(0.2)
    running.send_signal(signal.SIGKILL)
    running.wait()
    [dead] = study_of(folder).trials
    assert dead.state == TrialState.RUNNING
    agreed = study_of(folder).user_attrs["seqrec"]
    search = searched(folder, Space.load(str(space), space.parent), agreed)
    study = open_study(search)
    assert [trial.state for trial in study.trials] == [TrialState.FAIL, TrialState.WAITING]
    assert study.trials[1].system_attrs["fixed_params"] == dead.params


def test_trials_that_fail_are_told_and_too_many_end_the_study(tmp_path):
    told = []
    search = searched(tmp_path / "study", Space("small", {"dim": Range(1, 9)}))
    with pytest.raises(RunError, match="5 trials failed in a row; the last: ValueError"):
        work(open_study(search), search, 9, told.append)
    assert [trial.state for trial in told] == [TrialState.FAIL] * 5


def test_a_trial_that_is_about_to_end_is_nobodys_to_try_again(tmp_path, monkeypatch):
    search = searched(
        tmp_path / "study", Space("small", {"dim": Range(1, 9)}), compose=lambda values: None
    )
    study, told = open_study(search), []
    outcome = Outcome(value=0.5, epoch=1, epochs=1, fit_seconds=1.0, parameters=9)
    monkeypatch.setattr("seqrec.tune.study.run_trial", lambda *given: outcome)

    def looked_at(trial, state, values):  # by another process, when the objective has returned
        other = open_study(search)
        assert [each.state for each in other.trials] == [TrialState.RUNNING]

    monkeypatch.setattr(study.sampler, "after_trial", lambda _, *given: looked_at(*given))
    work(study, search, 1, told.append)
    assert [trial.state for trial in told] == [TrialState.COMPLETE]
    assert len(study.trials) == 1


def test_a_process_that_was_taken_for_dead_goes_on_with_another_trial(tmp_path, monkeypatch):
    space = Space("small", {"dim": Range(1, 9)})
    search = searched(tmp_path / "study", space, compose=lambda values: None)
    study, outcome = (
        open_study(search),
        Outcome(0.5, epoch=1, epochs=1, fit_seconds=1.0, parameters=9),
    )

    def slow(*given):
        if len(study.trials) == 1:
            study.tell(0, state=TrialState.FAIL)  # as another process would
        return outcome

    monkeypatch.setattr("seqrec.tune.study.run_trial", slow)
    told = []
    work(study, search, 1, told.append)
    assert [trial.number for trial in told] == [1]
    assert [trial.state for trial in study.trials] == [TrialState.FAIL, TrialState.COMPLETE]


def failing(values):
    raise ValueError("no such thing")


def searched(folder, space, agreed=None, compose=failing) -> Search:
    return Search(
        name="lstm_attn_small", folder=folder, compose=compose,
        space=space, monitor="valid/ndcg@10",
        larger_is_better=True, also=None,
        pruner="none", storage=None, seed=0, agreed=json.loads(json.dumps(agreed or {})),
    )  # fmt: skip
