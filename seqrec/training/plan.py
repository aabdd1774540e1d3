"""Estimates before training: peak memory, and seconds per epoch."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np
import psutil
import torch
from torch import Tensor, nn

from seqrec.batches import TrainBatches
from seqrec.machine.hardware import Hardware
from seqrec.training.module import TrainedModule

TRIAL_POSITIONS = 2048  # positions in the trial step
TRIAL_SCORES = 2**28  # scores in it, which limits the positions for a large catalogue
BACKWARD = 1.25  # memory of the backward pass, relative to the tensors saved for it
TIMINGS, BRIEF = 4, 0.25  # work below BRIEF seconds is timed TIMINGS times; the minimum counts
LONG = 1800  # seconds per epoch above which a faster setting is suggested


@dataclass(frozen=True)
class Plan:
    """Estimates for one process."""

    seconds: float  # per epoch of training, without validation
    peak: int  # peak bytes on the device
    free: int  # bytes available on the device
    advice: str  # what to change if memory or time is too large, or ""


def make_plan(module: TrainedModule, hardware: Hardware) -> Plan:
    """Time a step on part of a batch, measure the memory it keeps, and scale both up.

    Random numbers and weights are left as they were. A trial takes seconds, even with millions of
    items; it is skipped if weights and scores alone don't fit.
    """
    epoch = module.epoch_batches(0)
    free, used = _memory(module.device)
    fixed = _weights(module) + _scores(module, half=hardware.precision != "fp32")
    if fixed > free:
        return Plan(float("inf"), used + fixed, free, _advice(module))
    seconds, kept, positions = _trial(module, epoch, hardware)
    scale = epoch.n_positions / positions
    share = min(1, (module.config.trainer.limit_batches or len(epoch)) / len(epoch))
    largest = max(_padded(epoch, rows) for rows in epoch.batches)
    plan = Plan(
        seconds=(seconds * scale + len(epoch) * _optimizer_seconds(module)) * share,
        peak=used + fixed + int(BACKWARD * kept / positions * largest),
        free=free,
        advice="",
    )
    if plan.peak - used > free or plan.seconds > LONG:
        return Plan(plan.seconds, plan.peak, free, _advice(module))
    return plan


def _trial(
    module: TrainedModule, epoch: TrainBatches, hardware: Hardware
) -> tuple[float, int, int]:
    """Return the seconds of a trial step, the bytes saved for backward, and padded positions."""
    rows = epoch.batches[len(epoch) // 2]
    limit = max(1, min(TRIAL_POSITIONS, TRIAL_SCORES // module.store.n_items))
    length = (epoch.end - epoch.start)[rows]
    count = max(1, min(len(rows), limit // int(length.max())))
    batch = epoch.batch(rows[:count], weight=1.0).to(module.device)
    seen: dict[int, int] = {}

    def weigh(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        seen[storage.data_ptr()] = storage.nbytes()
        return tensor

    own = [p.untyped_storage().data_ptr() for p in module.parameters()]
    was_training = module.training
    module.train()
    devices = [module.device] if module.device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):

        def step() -> None:
            seen.clear()
            module.zero_grad(set_to_none=True)
            with _autocast(module.device, hardware):
                with torch.autograd.graph.saved_tensors_hooks(weigh, lambda tensor: tensor):
                    loss, _, _ = module.learn(batch)
                loss.backward()

        step()  # warms up
        seconds = _least_seconds(step, module.device)
        module.zero_grad(set_to_none=True)
    module.train(was_training)
    kept = sum(size for pointer, size in seen.items() if pointer not in own)
    return seconds, kept, batch.history.item_BL.numel()


def _weights(module: TrainedModule) -> int:
    """Return the bytes that training adds: gradients, average, optimizer state."""
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
    table = module.model.embedding.table()
    return size * (1 + state) + averaged + 2 * table.numel() * table.element_size()


def _scores(module: TrainedModule, *, half: bool) -> int:
    """Return the bytes of scores of the whole catalogue that a step holds at once."""
    return module.objective.scores_bytes(module.store.n_items, module.device.type, half=half)


def _padded(epoch: TrainBatches, rows: np.ndarray) -> int:
    return len(rows) * int((epoch.end - epoch.start)[rows].max())


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
