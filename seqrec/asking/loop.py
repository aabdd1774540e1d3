"""Train, score, reveal, and again: what strategies of asking are worth, by the share of events."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from seqrec.asking.pool import Pool
from seqrec.asking.strategies import STRATEGIES
from seqrec.config.make import make
from seqrec.config.schema import Root, Trainer
from seqrec.errors import RunError
from seqrec.experiment.assemble import build_experiment
from seqrec.machine.determinism import choose_algorithms, seed_all
from seqrec.machine.hardware import find_hardware
from seqrec.run.checkpoints import read_checkpoint
from seqrec.run.folder import RunFolder
from seqrec.store.store import SequenceStore
from seqrec.terminal.console import silent
from seqrec.training.module import TrainedModule
from seqrec.training.trainer import build_trainer, evaluating_trainer

EVERYBODY = "all events"


@dataclass(frozen=True)
class Point:
    """The test metric of a model that was trained on a share of the training events."""

    strategy: str
    share: float
    seed: int
    events: int  # that were known
    value: float


@dataclass(frozen=True)
class Plan:
    """What is compared.

    Args:
        strategies: names of :data:`~seqrec.asking.strategies.STRATEGIES`.
        shares: of each user's training events that are known, increasing; the first is drawn.
        seeds: of the drawn events and of the trainings.
        epochs: of each training.
        k: length of the lists that strategies look at.
        passes: with dropout.
    """

    strategies: list[str]
    shares: list[float]
    seeds: list[int]
    epochs: int
    k: int
    passes: int

    @property
    def trainings(self) -> int:
        """How many models are trained."""
        inner = sum(share < 1 for share in self.shares[1:])
        return len(self.seeds) * (1 + len(self.strategies) * inner + (1.0 in self.shares[1:]))


def compare(
    root: Root, store: SequenceStore, plan: Plan, *, told: Callable[[str], None]
) -> list[Point]:
    """Return what every strategy reaches at every share.

    All strategies of a seed begin with the same events, and ask each user for equally many.

    Args:
        root: configuration of a trained model.
        store: its data.
        plan: what is compared.
        told: is called before each training with what it is of.

    Raises:
        RunError: the model isn't trained.
    """
    splits, points = make(root.split)(store), []
    for seed in plan.seeds:
        first = plan.shares[0]
        told(f"seed {seed}: {first:.0%} of the events")
        begun = Pool.begin(store, splits, share=first, seed=seed)
        module = trained(root, begun, seed=seed, epochs=plan.epochs)
        points += _points(plan.strategies, first, seed, begun, module)
        for name in plan.strategies:
            points += _asked(root, plan, name, begun, module, seed=seed, told=told)
        if 1.0 in plan.shares[1:]:
            told(f"seed {seed}: all events")
            whole = Pool.begin(store, splits, share=1.0, seed=seed)
            module = trained(root, whole, seed=seed, epochs=plan.epochs)
            points += _points([EVERYBODY], 1.0, seed, whole, module)
    return points


def _asked(
    root: Root,
    plan: Plan,
    name: str,
    pool: Pool,
    module: TrainedModule,
    *,
    seed: int,
    told: Callable[[str], None],
) -> list[Point]:
    """Return what one strategy reaches, from the first model on."""
    points = []
    for round_, share in enumerate(plan.shares[1:]):
        if share == 1:
            continue
        told(f"seed {seed}: {name}, {share:.0%} of the events")
        drawn = 1000 * seed + round_
        seed_all(drawn)  # for passes with dropout
        worth_N = pool.worth(
            module.model,
            STRATEGIES[name],
            max_length=root.max_length,
            k=plan.k,
            passes=plan.passes if name == "variance" else 0,
            seed=drawn,
        )
        pool = pool.show(worth_N, share=share)
        module = trained(root, pool, seed=seed, epochs=plan.epochs)
        points += _points([name], share, seed, pool, module)
    return points


def trained(root: Root, pool: Pool, *, seed: int, epochs: int) -> TrainedModule:
    """Train on the events that are known, and test the epoch that validation chooses.

    Raises:
        RunError: the model isn't trained.
    """
    root.seed, root.trainer.max_epochs = seed, epochs
    seed_all(seed)
    choose_algorithms(deterministic=root.trainer.deterministic)
    store, splits = pool.known()
    module = build_experiment(root, store, splits=splits)
    if not isinstance(module, TrainedModule):
        raise RunError(
            "the model isn't trained, so it can't learn from what is asked",
            where=str(root.data["_target_"]),
            todo="name the run of a trained model",
        )
    hardware = find_hardware(root.trainer.accelerator, root.trainer.precision)
    with TemporaryDirectory() as place:
        folder, out = RunFolder(Path(place)), silent()
        trainer = build_trainer(
            root, folder, hardware,
            monitor=module.monitor, mode=module.mode, logger=None, out=out,
        )  # fmt: skip
        module.fit(trainer, folder, out)
        module.load_state_dict(read_checkpoint(folder.best)["state_dict"])
    one = Trainer(accelerator=hardware.kind, devices=1, progress=False)
    evaluating_trainer(one, out).test(module, verbose=False)
    module.cpu()
    return module


def _points(
    names: Iterable[str], share: float, seed: int, pool: Pool, module: TrainedModule
) -> list[Point]:
    events = int(pool.shown[pool.splits.train.positions()].sum())
    return [Point(name, share, seed, events, module.monitored) for name in names]
