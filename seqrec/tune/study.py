"""A study: trials in a storage that many processes and machines may share."""

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
OnTrial = Callable[[optuna.trial.FrozenTrial], None]


@dataclass(frozen=True)
class Search:
    """The settings of a search.

    Args:
        name: name of the study.
        folder: folder of the study: its storage, a folder for each trial, results.
        compose: composes the configuration from overrides of ``train.py``.
        space: the search space.
        monitor: the validation metric to optimise.
        larger_is_better: whether it should be large.
        also: a second objective of :data:`~seqrec.tune.COSTS`; None: only one objective.
        pruner: one of :data:`~seqrec.tune.PRUNERS`; with two objectives, no trial is pruned.
        storage: URL of a database; None: a file in the folder.
        seed: seed of the sampler.
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
        """The directions of the objectives."""
        first = StudyDirection.MAXIMIZE if self.larger_is_better else StudyDirection.MINIMIZE
        return [first, StudyDirection.MINIMIZE] if self.also else [first]


def open_study(search: Search) -> optuna.Study:
    """Start or continue a study; trials whose process died are queued again.

    Raises:
        RunError: the study was started with other settings, or has values of another space.
        ConfigError: the database can't be opened.
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


def work(study: optuna.Study, search: Search, trials: int, report: OnTrial) -> None:
    """Run trials until the study has `trials` of them; other processes may work on it, too.

    Args:
        study: see :func:`open_study`.
        search: its settings.
        trials: number of finished and pruned trials of the whole study.
        report: called after each trial of this process.
    """

    failures: list[str] = []  # in a row

    def after(study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
        report(trial)
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
                f"{MOST_FAILURES} trials failed in a row; the last: {failures[-1]}",
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

    with RunFolder(folder).held():  # while the trial runs
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
            todo="give a URL such as sqlite:///study.db, or leave storage out to use a file",
        ) from error


def _pruner(name: str) -> optuna.pruners.BasePruner:
    if name == "median":  # not too early: trials that learn slowly may still end well
        return optuna.pruners.MedianPruner(n_startup_trials=8, n_warmup_steps=10)
    return optuna.pruners.HyperbandPruner() if name == "hyperband" else optuna.pruners.NopPruner()


def _seed(search: Search) -> int | None:
    """Return the study's seed for its first process; for others None, a random seed."""
    try:
        HELD_LOCKS.append(FileLock(search.folder / ".first", timeout=0))
        HELD_LOCKS[-1].acquire()
    except Timeout:
        return None
    return search.seed


HELD_LOCKS: list[FileLock] = []  # held until the process ends


def _agree(study: optuna.Study, search: Search) -> None:
    now = json.loads(json.dumps(search.agreed, default=str))
    then = study.user_attrs.get("seqrec")
    if then is None:
        study.set_user_attr("seqrec", now)
        return
    for name in sorted(then.keys() | now.keys()):
        if then.get(name) != now.get(name):
            raise RunError(
                f"the study {search.name} was started with another {name}: "
                f"{_short(then.get(name))} then, {_short(now.get(name))} now",
                where=str(search.folder),
                todo="use study=ANOTHER_NAME, or the settings it was started with",
            )


def _check_values(study: optuna.Study, search: Search) -> None:
    """Check that all values belong to the space: the winner's values become overrides."""
    for trial in study.get_trials(deepcopy=False):
        values = trial.user_attrs.get("values")
        if values is not None and not search.space.has(values):
            raise RunError(
                f"trial {trial.number} has values that aren't in the space {search.space.name}",
                where=str(search.storage or search.folder),
                todo="use study=ANOTHER_NAME: a study of another space wrote this storage",
            )


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 100 else f"{text[:97]}..."


def _retry_dead(study: optuna.Study) -> None:
    """Mark trials whose process died as failed, and queue them again."""
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        folder = Path(trial.user_attrs.get("folder", ""))
        if not trial.user_attrs.get("folder") or not folder.is_dir():
            continue  # it belongs to another machine
        try:
            with RunFolder(folder).held():
                study.tell(trial.number, state=TrialState.FAIL)
                study.enqueue_trial(trial.params)
        except RunError:
            continue  # another process is running it
