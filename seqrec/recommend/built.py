"""The model of a run as its configuration describes it, before its weights are loaded."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from seqrec.build import build_baseline, build_model
from seqrec.config.saved import MEND
from seqrec.config.schema import Ensemble, Root
from seqrec.ensemble.model import AnyModel, EnsembleModel
from seqrec.errors import RunError
from seqrec.facts import Facts
from seqrec.model import BaselineModel, SequenceModel
from seqrec.run.folder import RunFolder

MEMBERS = "members"  # in the folder of an ensemble: what its runs are; it has their weights itself
KEPT = ("config.yaml", "run.json")
WRONG_VALUES = (
    *(TypeError, ValueError, LookupError, AttributeError, ArithmeticError),
    *(RuntimeError, MemoryError, AssertionError),
)


def built_model(folder: RunFolder, config: Root, facts: Facts) -> AnyModel:
    """Return the model of a run, without its weights.

    Raises:
        RunError: the folder's configuration or facts are damaged.
    """
    if config.ensemble is not None:
        return _built_ensemble(folder, config.ensemble)
    with built_from(folder):
        return (build_model if config.baseline is None else build_baseline)(config, facts)


def combined(
    members: Sequence[SequenceModel | BaselineModel], configs: Sequence[Root], settings: Ensemble
) -> EnsembleModel:
    """Return the ensemble of models with these configurations."""
    longest = [config.max_length for config in configs]
    return EnsembleModel(members, longest=longest, combine=settings.combine)


def facts_of(folder: RunFolder) -> Facts:
    """Return the facts of a run's data that its model is built with.

    Raises:
        RunError: they are damaged.
    """
    try:
        return Facts.read(folder.about()["facts"])
    except ValueError as error:
        raise RunError(
            f"run.json can't be read: {error}", where=str(folder.path), todo=MEND
        ) from error


def keep_members(runs: Sequence[RunFolder], folder: RunFolder) -> None:
    """Copy what the runs of an ensemble are into its folder, which then needs them no more."""
    for at, run in enumerate(runs):
        own = RunFolder(folder.path / MEMBERS / str(at))
        own.path.mkdir(parents=True, exist_ok=True)
        for name in KEPT:
            own.write_text(name, Path(run.path, name).read_text())
        own.seal(KEPT)


def _built_ensemble(folder: RunFolder, settings: Ensemble) -> EnsembleModel:
    """Return the ensemble of a folder, from its copies of what its runs are."""
    own = [
        RunFolder(folder.path / MEMBERS / str(at), folder.trust) for at in range(len(settings.runs))
    ]
    configs = [each.config() for each in own]
    if any(config.ensemble is not None for config in configs):
        raise RunError("an ensemble can't hold another", where=str(folder.path), todo=MEND)
    members = [
        built_model(each, config, facts_of(each)) for each, config in zip(own, configs, strict=True)
    ]
    return combined(members, configs, settings)  # type: ignore[arg-type]


@contextmanager
def built_from(folder: RunFolder) -> Iterator[None]:
    """Say in words that a run's configuration or facts have values that nothing can be built of.

    Raises:
        RunError: building failed.
    """
    try:
        yield
    except WRONG_VALUES as error:
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        raise RunError(
            f"no model can be built from config.yaml and run.json: {reason}",
            where=str(folder.path),
            todo=MEND,
        ) from error
