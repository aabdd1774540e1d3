"""What a run will take, told before it trains: memory at its peak and time an epoch."""

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

TRIAL_POSITIONS = 2048  # of the trial step, and fewer over a large catalogue:
TRIAL_SCORES = 2**28
BACKWARD = 1.25  # the backward pass works with more than what was kept for it
TIMINGS, BRIEF = 4, 0.25  # so often is timed what takes less than so many seconds: the least counts
LONG = 1800  # seconds an epoch from which something faster is suggested


@dataclass(frozen=True)
class Plan:
    """Expected of one process."""

    seconds: float  # of an epoch's training, without validation
    peak: int  # bytes, on the device
    free: int  # bytes of the device that can still be had
    advice: str  # what to do where this is out of reach, or ""


def make_plan(module: TrainedModule, hardware: Hardware) -> Plan:
    """Time one step on a part of a batch, weigh what it keeps, and scale both up.

    Random numbers, weights and gradients are left as they were. On the trial's few positions a
    catalogue of millions takes seconds; where its vectors alone don't fit, nothing is tried.
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
    """Seconds and bytes kept for the backward pass of one step, and its padded positions."""
    rows = epoch.batches[len(epoch) // 2]
    most = max(1, min(TRIAL_POSITIONS, TRIAL_SCORES // module.store.n_items))
    length = (epoch.end - epoch.start)[rows]
    few = max(1, min(len(rows), most // int(length.max())))
    batch = epoch.batch(rows[:few], weight=1.0).to(module.device)
    seen: dict[int, int] = {}

    def weigh(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        seen[storage.data_ptr()] = storage.nbytes()
        return tensor

    mine = [p.untyped_storage().data_ptr() for p in module.parameters()]
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
    kept = sum(size for pointer, size in seen.items() if pointer not in mine)
    return seconds, kept, batch.history.item_BL.numel()


def _weights(module: TrainedModule) -> int:
    """Bytes that training adds: gradients, average, optimizer's state, the table's gradients."""
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
    """Bytes of scores of the whole catalogue that a step holds at once."""
    return module.objective.scores_bytes(module.store.n_items, module.device.type, half=half)


def _padded(epoch: TrainBatches, rows: np.ndarray) -> int:
    return len(rows) * int((epoch.end - epoch.start)[rows].max())


def _optimizer_seconds(module: TrainedModule) -> float:
    """A step reads and writes each weight's row of numbers seven times: 3.5 copies."""
    table = module.model.embedding.table().detach()
    target = torch.empty_like(table)
    target.copy_(table)  # warms up
    seconds = _least_seconds(lambda: target.copy_(table), module.device)
    weights = sum(p.numel() for p in module.parameters() if p.requires_grad)
    return 3.5 * seconds * weights / max(1, table.numel())


def _advice(module: TrainedModule) -> str:
    if not _scores(module, half=False):
        return "batch.size, max_length and dim make it smaller"
    return (
        f"a full softmax over {module.store.n_items:,} items is what it takes: "
        "loss=sampled_softmax negatives.num=1024 takes a small part of it"
    )


def _autocast(device: torch.device, hardware: Hardware) -> AbstractContextManager:
    kinds = {"bf16": torch.bfloat16, "fp16": torch.float16}
    if hardware.precision not in kinds:
        return nullcontext()
    return torch.autocast(device.type, kinds[hardware.precision])


def _least_seconds(work: Callable[[], object], device: torch.device) -> float:
    """Of a few timings, as other programs on the same cores only ever add to one."""
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
    """Return the bytes that can still be had, and the bytes that this process has."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0], torch.cuda.memory_allocated(device)
    return psutil.virtual_memory().available, psutil.Process().memory_info().rss
