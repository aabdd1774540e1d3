"""A study: trials in a storage that many processes and machines may share."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from omegaconf import DictConfig
from optuna.study import StudyDirection
from optuna.trial import TrialState

from seqrec.errors import RunError, SeqrecError
from seqrec.run.folder import RunFolder
from seqrec.tune.space import Space, overrides
from seqrec.tune.storage import Place
from seqrec.tune.trial import Outcome, run_trial

FAILURES = (SeqrecError, RuntimeError, ValueError, MemoryError)  # of a trial, not of the study
MOST_FAILURES = 5
WAIT = 1.0  # seconds between two looks at trials of other processes
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
        heartbeat: see :class:`~seqrec.tune.storage.Place`.
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
    heartbeat: int = 60

    @property
    def directions(self) -> list[StudyDirection]:
        """The directions of the objectives."""
        first = StudyDirection.MAXIMIZE if self.larger_is_better else StudyDirection.MINIMIZE
        return [first, StudyDirection.MINIMIZE] if self.also else [first]

    @property
    def place(self) -> Place:
        """Where the trials are kept.

        Raises:
            ConfigError: the storage isn't a URL of a database.
        """
        return Place(self.folder, self.storage, self.name, self.heartbeat)


def open_study(search: Search) -> optuna.Study:
    """Start or continue a study; trials whose process died are queued again.

    Raises:
        RunError: the study was started with other settings, or has values of another space.
        ConfigError: the database can't be used.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    search.folder.mkdir(parents=True, exist_ok=True)
    place = search.place
    with place.turn(), place.told():
        study = optuna.create_study(
            study_name=search.name,
            storage=place.open(),
            directions=search.directions,
            pruner=_pruner(search.pruner),
            load_if_exists=True,
        )
        _agree(study, search)
        _check_values(study, search)
        study.sampler = optuna.samplers.TPESampler(
            seed=_seed(study, search), multivariate=True, constant_liar=True
        )
        place.revive(study)
    return study


def work(study: optuna.Study, search: Search, trials: int, report: OnTrial) -> None:
    """Run trials until the study has `trials` of them; other processes may work on it, too.

    A process begins no trial that the study may not need: it waits until those that are running
    have ended, and takes over from one that dies.

    Args:
        study: see :func:`open_study`.
        search: its settings.
        trials: number of finished and pruned trials of the whole study.
        report: called after each trial of this process.

    Raises:
        RunError: too many trials failed in a row.
        ConfigError: the database can't be used any more.
    """
    failures: list[str] = []  # in a row

    def after(study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
        report(trial)
        if trial.state == TrialState.FAIL:
            failures.append(trial.user_attrs.get("error", "unknown"))
        else:
            failures.clear()

    place = search.place
    with place.told():
        while _count(study, ENDED) < trials:
            # a trial holds its folder until its end is in the storage: a free one has died
            with ExitStack() as running, ExitStack() as turn:
                turn.enter_context(place.turn())
                place.revive(study)
                free = _count(study, (*ENDED, TrialState.RUNNING)) < trials
                if free:
                    # it holds the turn until its trial is in the storage, where others count it
                    attempt = partial(_try, search=search, begun=turn.close, running=running)
                    with _taken_for_dead():
                        study.optimize(attempt, n_trials=1, callbacks=[after], catch=FAILURES)
            if len(failures) == MOST_FAILURES:
                raise RunError(
                    f"{MOST_FAILURES} trials failed in a row; the last: {failures[-1]}",
                    where=str(search.folder),
                    todo="correct the space or the settings",
                )
            if not free:
                time.sleep(WAIT)


@contextmanager
def _taken_for_dead() -> Iterator[None]:
    """Pass over a trial that other processes ended, because no sign of life came for too long."""
    try:
        yield
    except ValueError as error:  # what the trial itself raises is caught before
        if not str(error).startswith("Cannot tell a "):
            raise


def _count(study: optuna.Study, states: tuple[TrialState, ...]) -> int:
    return len(study.get_trials(deepcopy=False, states=states))


def _try(
    trial: optuna.Trial, search: Search, begun: Callable[[], None], running: ExitStack
) -> float | tuple[float, float]:
    begun()
    values = search.space.suggest(trial)
    folder = search.folder / "trials" / f"{trial.number:04d}"

    def report(epoch: int, value: float) -> None:
        if search.also is None:
            trial.report(value, epoch)
            if trial.should_prune():
                raise optuna.TrialPruned(f"in epoch {epoch}")

    running.enter_context(RunFolder(folder).held())
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


def _pruner(name: str) -> optuna.pruners.BasePruner:
    if name == "median":  # not too early: trials that learn slowly may still end well
        return optuna.pruners.MedianPruner(n_startup_trials=8, n_warmup_steps=10)
    return optuna.pruners.HyperbandPruner() if name == "hyperband" else optuna.pruners.NopPruner()


def _seed(study: optuna.Study, search: Search) -> int:
    """Return the seed of the next process to join: the study's for the first, then others."""
    joined = int(study.user_attrs.get("joined", 0))
    study.set_user_attr("joined", joined + 1)
    if joined == 0:
        return search.seed
    return int(np.random.SeedSequence([search.seed, joined]).generate_state(1)[0])


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
                where=search.place.name,
                todo="use study=ANOTHER_NAME: a study of another space wrote this storage",
            )


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 100 else f"{text[:97]}..."
