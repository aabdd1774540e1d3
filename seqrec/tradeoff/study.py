"""The trade-offs of one or more runs of the same data: what each reranker makes of their lists."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

from seqrec.build import check_vectors
from seqrec.config.make import make
from seqrec.contracts import Reranker
from seqrec.errors import ConfigError, RunError
from seqrec.experiment.evaluate import rebuild, relocated
from seqrec.machine.hardware import Hardware
from seqrec.run.folder import RunFolder
from seqrec.tradeoff.choose import Setting
from seqrec.tradeoff.measure import measure
from seqrec.tradeoff.points import Measure, Point, chosen, measures_of
from seqrec.training.evaluated import EvaluatedModule

PARTS: tuple[Literal["valid"], Literal["test"]] = ("valid", "test")


@dataclass(frozen=True)
class Study:
    """Measured trade-offs.

    Args:
        points: the order of the model, then each reranker from weak to strong.
        k: length of the lists.
        loss: share of the validation NDCG that a chosen strength may lose.
        runs: folders of the runs.
        data: the data with its hash.
        protocol: how events are ranked.
        left_out: rerankers that the data or the model refuses, with the reason.
    """

    points: list[Point]
    k: int
    loss: float
    runs: list[str]
    data: str
    protocol: str
    left_out: dict[str, str] = field(default_factory=dict)

    @property
    def bare(self) -> Point:
        """The order of the model."""
        return self.points[0]

    @property
    def chosen(self) -> dict[str, Point]:
        """The strength of each reranker that validation chooses."""
        return chosen(self.points, self.k, self.loss)

    @property
    def measures(self) -> list[Measure]:
        """What all points have."""
        return measures_of(self.points, self.k)


def study(
    folders: Sequence[RunFolder],
    settings: Sequence[Setting],
    *,
    loss: float,
    hardware: Hardware,
    where: list[str] | None,
    lenient: bool,
    tick: Callable[[str, int, int], None],
) -> Study:
    """Measure the lists of runs in the order of each reranker, on validation and test.

    Args:
        folders: trained runs of the same data and protocol, with different seeds, say.
        settings: rerankers with their strengths.
        loss: share of the validation NDCG that a chosen strength may lose.
        hardware: where to evaluate.
        where: for moved data; see :func:`~seqrec.experiment.evaluate.relocated`.
        lenient: leave out what the data or the model refuses, instead of raising.
        tick: is told what is measured, how many events of it are done, and of how many.

    Raises:
        ConfigError: the data or the model refuses a reranker.
        RunError: the runs aren't of the same data and protocol, or can't be read.
    """
    found: dict[str, list[list[dict[str, float]]]] = {part: [] for part in PARTS}
    left_out: dict[str, str] = {}
    told: tuple[str, str, int] | None = None
    kept = list(settings)
    for folder in folders:
        module = rebuild(folder, relocated(folder.config(), where)).to(hardware.kind)
        task, store = module.task, module.store
        own = (f"{store.name}  hash {store.data_hash[:12]}", task.protocol, task.k)
        if told not in (None, own):
            raise RunError(
                f"this run is of {own[0]} at k={own[2]}, and the first of {told}",
                where=str(folder.path),
                todo="compare runs of the same data and protocol",
            )
        told = own
        made = {}
        for setting in kept:
            try:
                made[setting.label] = built(setting, module)
            except ConfigError as error:
                if not lenient:
                    raise
                left_out[setting.name] = error.what
        kept = [setting for setting in kept if setting.name not in left_out]
        rerankers: list[Any] = [None, *(made[setting.label] for setting in kept)]
        for part in PARTS:
            events, about = len(getattr(task.splits, part)), f"{folder.path.name} {part}"
            found[part].append(
                measure(module, rerankers, split=part, tick=partial(_tell, tick, about, events))
            )
    assert told is not None
    points = [
        Point(
            setting,
            valid=[run[at] for run in found["valid"]],
            test=[run[at] for run in found["test"]],
        )
        for at, setting in enumerate([None, *kept])
    ]
    return Study(points, told[2], loss, [str(f.path) for f in folders], told[0], told[1], left_out)


def _tell(tick: Callable[[str, int, int], None], about: str, events: int, done: int) -> None:
    tick(about, done, events)


def built(setting: Setting, module: EvaluatedModule) -> Reranker:
    """Build a reranker for a run.

    Raises:
        ConfigError: the data or the model refuses it.
    """
    try:
        reranker: Reranker = make(setting.node, **vars(module.facts))
    except ConfigError as error:
        raise ConfigError(error.what, where=f"rerank={setting.name}", todo=error.todo) from error
    check_vectors(reranker, module.config)
    return reranker
