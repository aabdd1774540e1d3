"""How much memory each process needs if the item table is split over so many: before any data.

The table's share of it follows from its size. The rest, that of a step without its table, is
measured once, with a table of few rows.
"""

from dataclasses import dataclass
from typing import cast

import psutil
import torch
from torch import Tensor, nn

from seqrec.build import build_loss, build_model, build_negatives, build_objective, build_optimizer
from seqrec.config.make import locate
from seqrec.config.schema import Root
from seqrec.contracts import CatalogueLoss
from seqrec.errors import ConfigError
from seqrec.facts import Facts
from seqrec.layers.shard import Shard, shards_of
from seqrec.shapes import History, TrainBatch
from seqrec.training.plan import BACKWARD

FEW = 1000  # items of the model that is measured
TRIAL_POSITIONS = 2048  # of the step that is measured
DENSE = 2  # gradients of own rows that are alive at once, if they are dense
ITEM_BYTES = 90  # of each item on a CPU: its id, its number of events, and what reading them took
LISTED_BYTES = 4  # of the number of lists that hold an item
KEPT, SUMMED = 2, 6  # copies of these numbers: always, and while validation adds them up


@dataclass(frozen=True)
class Step:
    """What a training step of one process needs, besides its share of the table.

    Args:
        width: numbers in a row of all tables that are split.
        dim: width of the queries.
        others: bytes of the weights that every process has.
        states: numbers that the optimizer keeps for each weight.
        activations: bytes that are kept for the backward pass.
        positions: N, at most.
        fetched: rows that the process asks for, at most.
        sparse: the table's gradient is sparse.
        full: the softmax is over all items.
    """

    width: int
    dim: int
    others: int
    states: int
    activations: int
    positions: int
    fetched: int
    sparse: bool
    full: bool


@dataclass(frozen=True)
class Needs:
    """Bytes that one process needs at its peak.

    Args:
        parts: by what they are for.
        sent: that it sends in a step.
        collected: whole tables that the first process has in its host's memory to write a
            checkpoint.
    """

    parts: dict[str, int]
    sent: int
    collected: int

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.parts.values())


def needs(config: Root, step: Step, *, items: int, processes: int) -> Needs:
    """Return what each of so many processes needs at its peak.

    Args:
        config: the configuration.
        step: from :func:`measure_step`.
        items: size of the catalogue.
        processes: that share the table.
    """
    rows = -(-(items + 1) // processes)
    table, row = 4 * rows * step.width, 4 * step.width
    whole = 0 if processes == 1 else (1 + step.states) * row * (items + 1)
    fetched = row * min(step.fetched, items)
    gradient = 2 * fetched if step.sparse else table
    asked = 4 * processes * step.positions * step.dim if step.full else 0
    # the scores are gone when the other gradient of the table arrives
    scores = max(_scores(config, rows, processes, step), (DENSE - 1) * gradient)
    passing = gradient + scores  # gone when the step is over
    listed = LISTED_BYTES * items * len(config.evaluation.ks)
    on_cpu = config.trainer.accelerator == "cpu"
    parts = {
        "libraries": psutil.Process().memory_info().rss if on_cpu else 0,
        "items": KEPT * listed + (ITEM_BYTES * items if on_cpu else 0),
        "table": table,
        "optimizer": step.states * table,
        "gradient": gradient,
        "scores": scores,
        "validation": max(0, SUMMED * listed - passing),  # beyond what a step holds
        "checkpoint": max(0, whole + SUMMED * listed - passing) if on_cpu and whole else 0,
        "queries": 3 * asked,  # of all processes: themselves, and their gradients twice
        "fetched": 3 * fetched,
        "others": (3 + step.states) * step.others,  # and DDP's copy of the gradients
        "activations": int(BACKWARD * step.activations),
    }
    away = (processes - 1) / processes
    sent = away * (2 * asked + 2 * fetched + 2 * step.others)
    return Needs(parts, int(sent), whole)


def measure_step(config: Root) -> Step:
    """Measure a training step on random histories, with few items and one process.

    Raises:
        ConfigError: the model reads columns of the data.
    """
    if config.context is not None:
        raise ConfigError(
            "a model with a context can't be planned without its data",
            where="context",
            todo="leave context out: it is small beside an item table",
        )
    facts = Facts(n_items=FEW, item_count_V=torch.ones(FEW + 1, dtype=torch.int64))
    split = build_model(config, facts, shard=Shard(FEW + 1, 0, 2))
    shards = {name: own for name, own, _ in shards_of(split)}
    rest = [weight for name, weight in split.named_parameters() if name not in shards]
    positions = config.batch.size * config.max_length
    full = not locate(config.loss).needs_negatives
    draws = 0 if full else config.negatives.get("num", 0)  # type: ignore[union-attr]
    shared = full or config.negatives.get("shared", False)  # type: ignore[union-attr]
    return Step(
        width=sum(own[0].numel() for own in shards.values()),
        dim=config.dim,
        others=sum(weight.nbytes for weight in rest),
        states=_states(config),
        activations=_activations(config, facts),
        positions=positions,
        fetched=2 * positions + (draws if shared else draws * positions),
        sparse=not full and getattr(locate(config.optimizer), "needs_sparse_gradients", False),
        full=full,
    )


def _activations(config: Root, facts: Facts) -> int:
    """Return the bytes that a step keeps for its backward pass, for all sequences of a batch."""
    model = build_model(config, facts).train()
    if model.wanted:
        raise ConfigError(
            f"a model that reads {', '.join(model.wanted)} can't be planned without its data",
            where="encoder",
            todo="leave these columns out",
        )
    loss, negatives = build_loss(config, facts), build_negatives(config, facts)
    objective = build_objective(config, facts, loss=loss, negatives=negatives)
    size = max(1, min(config.batch.size, TRIAL_POSITIONS // config.max_length))
    own = {weight.untyped_storage().data_ptr() for weight in model.parameters()}
    seen: dict[int, int] = {}

    def weigh(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        seen[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(weigh, lambda tensor: tensor):
        kept = objective(model, _random_batch(size, config.max_length))[0]
    del kept
    held = sum(nbytes for pointer, nbytes in seen.items() if pointer not in own)
    return held * config.batch.size // size


def _random_batch(size: int, length: int) -> TrainBatch:
    item_BL = torch.randint(1, FEW + 1, (size, length + 1))
    full_B = torch.full((size,), length)
    return TrainBatch(
        history=History(item_BL[:, :-1], full_B, torch.full_like(full_B, -1)),
        target_BL=item_BL[:, 1:],
        prefix_B=torch.zeros_like(full_B),
        rating_BL=None,
        weight=1.0,
    )


def _states(config: Root) -> int:
    """Return how many numbers the optimizer keeps for each weight."""
    probe = nn.Parameter(torch.zeros(64))
    probe.grad = torch.zeros(64)
    optimizer = build_optimizer(config, [probe])
    optimizer.step()
    return sum(
        value.numel() // 64 for value in optimizer.state[probe].values() if torch.is_tensor(value)
    )


def _scores(config: Root, rows: int, processes: int, step: Step) -> int:
    """Return the bytes of scores that are held at once."""
    if step.full:
        loss = cast(CatalogueLoss, build_loss(config, Facts(n_items=FEW)))
        device = "cpu" if config.trainer.accelerator == "cpu" else "cuda"
        chunk = loss.scores_bytes(rows, device, half=False)
        return min(chunk, 4 * rows * processes * step.positions)
    return 4 * 3 * step.positions * (step.fetched - 2 * step.positions)
