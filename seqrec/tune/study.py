"""A study: trials in one storage that many processes and machines may share."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from filelock import FileLock, Timeout
from omegaconf import DictConfig
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from optuna.study import StudyDirection
from optuna.trial import TrialState
from sqlalchemy.exc import SQLAlchemyError

from seqrec.errors import ConfigError, RunError, SeqrecError
from seqrec.run.folder import RunFolder
from seqrec.tune.space import Space, overrides
from seqrec.tune.trial import Outcome, run_trial

FAILURES = (SeqrecError, RuntimeError, ValueError, MemoryError)  # of a trial, not of the study
MOST_FAILURES = 5
ENDED = (TrialState.COMPLETE, TrialState.PRUNED)
Compose = Callable[[list[str]], DictConfig]
Tell = Callable[[optuna.trial.FrozenTrial], None]


@dataclass(frozen=True)
class Search:
    """What is searched, and how.

    Args:
        name: of the study.
        folder: of the study: its storage, a folder for each trial, results.
        compose: the configuration that overrides of ``train.py`` give.
        space: what varies.
        monitor: the validation metric that counts.
        larger_is_better: whether it should be large.
        also: of :data:`~seqrec.tune.COSTS`, a second objective; None: there is one.
        pruner: of :data:`~seqrec.tune.PRUNERS`: when a trial is given up. With two, none is.
        storage: URL of a database; None: a file in the folder.
        seed: of what is tried.
        agreed: what all processes of the study must have in common, by name.
    """

    name: str
    folder: Path
    compose: Compose
    space: Space
    monitor: str
    larger_is_better: bool
    also: str | None
    pruner: str
    storage: str | None
    seed: int
    agreed: dict[str, Any]

    @property
    def directions(self) -> list[StudyDirection]:
        """Of the objectives."""
        first = StudyDirection.MAXIMIZE if self.larger_is_better else StudyDirection.MINIMIZE
        return [first, StudyDirection.MINIMIZE] if self.also else [first]


def open_study(search: Search) -> optuna.Study:
    """Begin a study, or go on with it; trials whose process died are put on the list again.

    Raises:
        RunError: the study was begun with something else, or has values of another space.
        ConfigError: there is no such database.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    search.folder.mkdir(parents=True, exist_ok=True)
    storage = _storage(search)
    with FileLock(search.folder / ".lock"):
        study = optuna.create_study(
            study_name=search.name,
            storage=storage,
            directions=search.directions,
            sampler=optuna.samplers.TPESampler(
                seed=_seed(search), multivariate=True, constant_liar=True
            ),
            pruner=_pruner(search.pruner),
            load_if_exists=True,
        )
        _agree(study, search)
        _check_values(study, search)
        _retry_dead(study)
    return study


def work(study: optuna.Study, search: Search, trials: int, tell: Tell) -> None:
    """Try until the study has so many trials that ended; others may work on it meanwhile.

    Args:
        study: see :func:`open_study`.
        search: what is searched.
        trials: of the study in all, finished and pruned ones.
        tell: called after each trial of this process.
    """

    failures: list[str] = []  # one after another

    def after(study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
        tell(trial)
        if trial.state == TrialState.FAIL:
            failures.append(trial.user_attrs.get("error", "unknown"))
        else:
            failures.clear()

    while len(study.get_trials(deepcopy=False, states=ENDED)) < trials:
        study.optimize(
            lambda trial: _try(trial, search), n_trials=1, callbacks=[after], catch=FAILURES
        )
        if len(failures) == MOST_FAILURES:
            raise RunError(
                f"{MOST_FAILURES} trials failed one after another; the last: {failures[-1]}",
                where=str(search.folder),
                todo="correct the space or the settings",
            )


def _try(trial: optuna.Trial, search: Search) -> float | tuple[float, float]:
    values = search.space.suggest(trial)
    folder = search.folder / "trials" / f"{trial.number:04d}"

    def report(epoch: int, value: float) -> None:
        if search.also is None:
            trial.report(value, epoch)
            if trial.should_prune():
                raise optuna.TrialPruned(f"in epoch {epoch}")

    with RunFolder(folder).held():  # as long as the trial lives
        trial.set_user_attr("folder", str(folder.absolute()))
        trial.set_user_attr("values", values)
        try:
            outcome = run_trial(search.compose(overrides(values)), folder, report)
        except FAILURES as error:
            trial.set_user_attr("error", f"{type(error).__name__}: {error}".splitlines()[0])
            raise
    trial.set_user_attr("outcome", vars(outcome))
    return outcome.value if search.also is None else (outcome.value, _cost(outcome, search.also))


def _cost(outcome: Outcome, also: str) -> float:
    return float(getattr(outcome, also))


def _storage(search: Search) -> BaseStorage:
    if search.storage is None:
        return JournalStorage(JournalFileBackend(str(search.folder / "study.jsonl")))
    try:
        return RDBStorage(search.storage)
    except (SQLAlchemyError, ImportError) as error:
        raise ConfigError(
            f"the database can't be opened: {str(error).splitlines()[0]}",
            where=f"storage={search.storage}",
            todo="give a URL as sqlite:///study.db, or leave storage out for a file",
        ) from error


def _pruner(name: str) -> optuna.pruners.BasePruner:
    if name == "median":  # not early: a trial that learns slowly and well looks hopeless
        return optuna.pruners.MedianPruner(n_startup_trials=8, n_warmup_steps=10)
    return optuna.pruners.HyperbandPruner() if name == "hyperband" else optuna.pruners.NopPruner()


def _seed(search: Search) -> int | None:
    """The study's seed for the first process at work on it; others draw by chance."""
    try:
        HELD_LOCKS.append(FileLock(search.folder / ".first", timeout=0))
        HELD_LOCKS[-1].acquire()
    except Timeout:
        return None
    return search.seed


HELD_LOCKS: list[FileLock] = []  # held to the end of the process


def _agree(study: optuna.Study, search: Search) -> None:
    now = json.loads(json.dumps(search.agreed, default=str))
    then = study.user_attrs.get("seqrec")
    if then is None:
        study.set_user_attr("seqrec", now)
        return
    for name in sorted(then.keys() | now.keys()):
        if then.get(name) != now.get(name):
            raise RunError(
                f"the study {search.name} was begun with another {name}: "
                f"{_short(then.get(name))} then, {_short(now.get(name))} now",
                where=str(search.folder),
                todo="give study=ANOTHER_NAME, or what it was begun with",
            )


def _check_values(study: optuna.Study, search: Search) -> None:
    """A winner's values become overrides, so they must be those that the space allows."""
    for trial in study.get_trials(deepcopy=False):
        values = trial.user_attrs.get("values")
        if values is not None and not search.space.has(values):
            raise RunError(
                f"trial {trial.number} has values that aren't of the space {search.space.name}",
                where=str(search.storage or search.folder),
                todo="give study=ANOTHER_NAME: this storage wasn't written by such a study",
            )


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 100 else f"{text[:97]}..."


def _retry_dead(study: optuna.Study) -> None:
    """What runs in no process any more is a failure, and is tried again."""
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        folder = Path(trial.user_attrs.get("folder", ""))
        if not trial.user_attrs.get("folder") or not folder.is_dir():
            continue  # of another machine
        try:
            with RunFolder(folder).held():
                study.tell(trial.number, state=TrialState.FAIL)
                study.enqueue_trial(trial.params)
        except RunError:
            continue  # another process is at it
