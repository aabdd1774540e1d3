"""Estimates before training: peak memory, and seconds per epoch and per validation."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

import numpy as np
import psutil
import torch
from torch import Tensor, nn

from seqrec.batches import EvalBatches, TrainBatches
from seqrec.machine.hardware import Hardware
from seqrec.machine.memory import peak_mb, reset_peak
from seqrec.shapes import TrainBatch
from seqrec.training.module import TrainedModule

TRIAL_POSITIONS = 2048  # positions in the trial step
TRIAL_SCORES = 2**28  # scores in it, which limits the positions for a large catalogue
BACKWARD = 1.25  # memory of the backward pass, relative to the tensors saved for it
TIMINGS, BRIEF = 4, 0.25  # work below BRIEF seconds is timed TIMINGS times; the minimum counts
REHEARSAL = 3.0  # seconds that the largest training step may take to be rehearsed whole
TOLERATED_S, TOLERATED_TIME, TOLERATED_MEMORY = 2.0, 0.25, 0.1  # what isn't worth correcting
LONG = 1800  # seconds per epoch above which a faster setting is suggested


@dataclass(frozen=True)
class Plan:
    """Estimates for one process."""

    seconds: float  # per epoch of training, without validation
    valid_seconds: float  # per validation
    peak: int  # peak bytes on the device; on a CPU, of the process
    free: int  # bytes available on the device
    advice: str  # what to change if memory or time is too large, or ""

    @property
    def possible(self) -> bool:
        """Whether weights and scores fit, so that steps could be timed."""
        return self.seconds < float("inf")

    @property
    def total(self) -> float:
        """Seconds of an epoch with its validation."""
        return self.seconds + self.valid_seconds

    def differs_from(self, other: "Plan") -> bool:
        """Return whether time or memory differ by more than a plan may be wrong."""
        slower = abs(self.total - other.total) > max(TOLERATED_S, TOLERATED_TIME * other.total)
        return slower or abs(self.peak - other.peak) > TOLERATED_MEMORY * other.peak


def told(plan: Plan) -> str:
    """Return the time and the memory of a plan in words."""
    peak = f"{plan.peak / 2**30:.1f} GiB of memory at its peak"
    if not plan.possible:
        return peak
    if plan.total < 1:
        return f"less than a second per epoch, {peak}"
    each = f"about {plan.seconds:,.0f} s per epoch and {plan.valid_seconds:,.0f} s per validation"
    return f"{each}, {peak}"


def make_plan(module: TrainedModule, hardware: Hardware) -> Plan:
    """Time steps on part of a batch, measure the memory they keep, and scale both up.

    Where the largest training step takes few seconds, it is rehearsed whole, with a batch of
    validation, and the memory is what the rehearsal took. Random numbers and weights are left as
    they were. All is skipped if weights and scores alone don't fit.
    """
    epoch = module.epoch_batches(0)
    free, used = _memory(module.device)
    states, held = _states(module), _held(module, half=hardware.precision != "fp32")
    if states + held > free:
        return Plan(float("inf"), float("inf"), used + states + held, free, _advice(module))
    seconds, kept, positions = _trial(module, epoch, hardware)
    _, used = _memory(module.device)  # with what libraries load at their first step
    share = min(1, (module.config.trainer.limit_batches or len(epoch)) / len(epoch))
    own = epoch.n_positions / epoch.world  # of this process
    steps = seconds * own / positions + len(epoch) * _optimizer_seconds(module)
    largest = max(epoch.batches, key=lambda rows: _padded(epoch, rows))
    scale = _padded(epoch, largest) / positions
    peak = used + states + held + int(BACKWARD * kept * scale)
    advice = _advice(module) if peak - used > free or steps * share > LONG else ""
    if seconds * scale < REHEARSAL and not advice:
        peak = _rehearse(module, epoch, largest, hardware) + states
    return Plan(steps * share, _valid_seconds(module, hardware), peak, free, advice)


def _trial(
    module: TrainedModule, epoch: TrainBatches, hardware: Hardware
) -> tuple[float, int, int]:
    """Return the seconds of a trial step, the bytes saved for backward, and padded positions."""
    batch = _part(module, epoch)
    seen: dict[int, int] = {}

    def weigh(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        seen[storage.data_ptr()] = storage.nbytes()
        return tensor

    def step() -> None:
        seen.clear()
        with torch.autograd.graph.saved_tensors_hooks(weigh, lambda tensor: tensor):
            _step(module, batch, hardware)

    own = [p.untyped_storage().data_ptr() for p in module.parameters()]
    with _as_before(module):
        module.train()
        step()  # warms up
        seconds = _least_seconds(step, module.device)
    kept = sum(size for pointer, size in seen.items() if pointer not in own)
    return seconds, kept, batch.history.item_BL.numel()


@contextmanager
def trial_step(module: TrainedModule, hardware: Hardware) -> Iterator[Callable[[], None]]:
    """Yield a training step on part of a batch, which can be taken again and changes nothing."""
    batch = _part(module, module.epoch_batches(0))
    with _as_before(module):
        module.train()
        yield lambda: _step(module, batch, hardware)


def _part(module: TrainedModule, epoch: TrainBatches) -> TrainBatch:
    """Return so much of the middle batch as a trial may take."""
    filled = [rows for rows in epoch.batches if len(rows)]  # shards may leave some empty
    rows = filled[len(filled) // 2]
    limit = max(1, min(TRIAL_POSITIONS, TRIAL_SCORES // module.store.n_items))
    length = (epoch.end - epoch.start)[rows]
    count = max(1, min(len(rows), limit // int(length.max())))
    return epoch.batch(rows[:count], weight=1.0).to(module.device)


def _step(module: TrainedModule, batch: TrainBatch, hardware: Hardware) -> None:
    """Take the forward and the backward pass of a training step."""
    module.zero_grad(set_to_none=True)
    with _autocast(module.device, hardware):
        loss, _, _ = module.learn(batch)
        loss.backward()


def _rehearse(
    module: TrainedModule, epoch: TrainBatches, rows: np.ndarray, hardware: Hardware
) -> int:
    """Return the peak bytes of one training step and one batch of validation."""
    reset_peak(hardware)
    with _as_before(module):
        module.train()
        _step(module, epoch.batch(rows, weight=1.0).to(module.device), hardware)
        module.zero_grad(set_to_none=True)
        _validate(module, module.config.batch.eval_size, hardware)()
    return int(peak_mb(hardware) * 2**20)


def _valid_seconds(module: TrainedModule, hardware: Hardware) -> float:
    """Return the seconds of a validation, from a part of its first batch."""
    events = len(module.task.own.valid)
    size = max(1, min(module.config.batch.eval_size, TRIAL_SCORES // module.store.n_items, events))
    with _as_before(module):
        rank = _validate(module, size, hardware)
        rank()  # warms up
        return _least_seconds(rank, module.device) * events / size


def _validate(module: TrainedModule, size: int, hardware: Hardware) -> Callable[[], object]:
    """Return what ranks the targets of the first `size` events, whose histories are longest."""
    module.eval()
    batch = next(
        iter(
            EvalBatches(
                columns=module.columns,
                view=module.splits.valid,
                max_length=module.config.max_length,
                size=size,
            )
        )
    ).to(module.device)

    def rank() -> None:
        with torch.no_grad(), _autocast(module.device, hardware):
            module.validation_step(batch, 0)

    return rank


@contextmanager
def _as_before(module: TrainedModule) -> Iterator[None]:
    """Leave random numbers, gradients, counts, what objectives note, and the mode as they were."""
    was_training, judge = module.training, module.judge
    noted = [
        (part, name, value.clone())
        for learner in (module.objective, module.negatives)
        if isinstance(learner, nn.Module)
        for part in learner.modules()
        for name, value in part.named_buffers(recurse=False)
    ]
    devices = [module.device] if module.device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        module.judge = judge.alone()
        try:
            yield
        finally:
            module.judge = judge
            for part, name, value in noted:
                setattr(part, name, value)
            module.valid_loss.reset()
            module.zero_grad(set_to_none=True)
            module.train(was_training)


def _states(module: TrainedModule) -> int:
    """Return the bytes of the optimizer's state and of averaged weights."""
    probe = nn.Parameter(torch.zeros(64))
    probe.grad = torch.zeros(64)
    optimizer = module.make_optimizer([probe])
    optimizer.step()
    state = sum(
        value.numel() // 64 for value in optimizer.state[probe].values() if torch.is_tensor(value)
    )
    size = sum(p.numel() * p.element_size() for p in module.parameters() if p.requires_grad)
    averaged = 0
    if module.config.trainer.ema:
        averaged = size + sum(buffer.nbytes for buffer in module.buffers())
    return size * state + averaged


def _held(module: TrainedModule, *, half: bool) -> int:
    """Return the bytes of gradients, the table's copies and scores that a step holds at once."""
    size = sum(p.numel() * p.element_size() for p in module.parameters() if p.requires_grad)
    table = module.model.embedding.table()
    return size + 2 * table.numel() * table.element_size() + _scores(module, half=half)


def _scores(module: TrainedModule, *, half: bool) -> int:
    """Return the bytes of scores of the whole catalogue that a step holds at once."""
    return module.objective.scores_bytes(module.store.n_items, module.device.type, half=half)


def _padded(epoch: TrainBatches, rows: np.ndarray) -> int:
    return len(rows) * int((epoch.end - epoch.start)[rows].max(initial=0))


def _optimizer_seconds(module: TrainedModule) -> float:
    """Estimate an update, which reads or writes each weight's numbers seven times: 3.5 copies."""
    table = module.model.embedding.table().detach()
    target = torch.empty_like(table)
    target.copy_(table)  # warms up
    seconds = _least_seconds(lambda: target.copy_(table), module.device)
    weights = sum(p.numel() for p in module.parameters() if p.requires_grad)
    return 3.5 * seconds * weights / max(1, table.numel())


def _advice(module: TrainedModule) -> str:
    if not _scores(module, half=False):
        return "reduce batch.size, max_length or dim"
    return (
        f"most of it is the full softmax over {module.store.n_items:,} items: "
        "use loss=sampled_softmax negatives.num=1024"
    )


def _autocast(device: torch.device, hardware: Hardware) -> AbstractContextManager:
    kinds = {"bf16": torch.bfloat16, "fp16": torch.float16}
    if hardware.precision not in kinds:
        return nullcontext()
    return torch.autocast(device.type, kinds[hardware.precision])


def _least_seconds(work: Callable[[], object], device: torch.device) -> float:
    """Return the minimum of a few timings, as other programs only ever slow one down."""
    least = float("inf")
    for _ in range(TIMINGS):
        _wait(device)
        began = time.perf_counter()
        work()
        _wait(device)
        least = min(least, time.perf_counter() - began)
        if least > BRIEF:
            break
    return least


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _memory(device: torch.device) -> tuple[int, int]:
    """Return the bytes available, and the bytes used by this process."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0], torch.cuda.memory_allocated(device)
    return psutil.virtual_memory().available, psutil.Process().memory_info().rss
