"""The parts of the benchmark: each is a job that measures and reports lines."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from seqrec.benchmark import explaining, gpu, growth, large, million, peers, serving, update
from seqrec.benchmark.child import in_child
from seqrec.benchmark.report import Line
from seqrec.errors import ConfigError

PARTS = (
    *("train", "ranking", "startup", "prepare", "growth", "million"),
    *("explain", "update", "peers", "gpu", "serve", "large"),
)
FIRST_STEP_S = 5  # the bar for start-up


@dataclass(frozen=True)
class Request:
    """The measurements to take, and their settings."""

    parts: list[str]
    data: list[str]  # overrides of train.py that choose the data and anything else
    model: str
    epochs: int
    rows: int
    memory_gb: float
    peers: list[str]
    models: list[str]  # RecBole's names
    minutes: float
    precision: str
    threads: int


@dataclass(frozen=True)
class Job:
    """One measurement: its name, how to take it, how to report it."""

    name: str
    measure: Callable[[], dict[str, Any]]
    lines: Callable[[dict[str, Any]], list[Line]]


def jobs(asked: Request) -> list[Job]:
    """Return the measurements of a request, in order.

    Raises:
        ConfigError: an unknown part, peer or model, or a peer that isn't installed.
    """
    wrong = [part for part in asked.parts if part not in PARTS]
    if wrong or not asked.parts:
        raise ConfigError(f"parts={wrong}: unknown", todo=f"choose from {', '.join(PARTS)}")
    threads = asked.threads
    run: dict[str, Any] = {"overrides": [f"model={asked.model}", *asked.data], "threads": threads}
    simple = {
        "train": (partial(_after_preparing, run, epochs=asked.epochs), _train_lines),
        "ranking": (partial(_after_preparing, run, epochs=0, recommend=True), _ranking_lines),
        "startup": (
            partial(in_child, "startup:measure_startup", threads=threads),
            _startup_lines,
        ),
        "prepare": (
            partial(in_child, "prepare:measure_prepare", threads=threads, rows=asked.rows),
            _prepare_lines,
        ),
        "growth": (partial(growth.measure_growth, asked.model, threads=threads), growth.lines),
        "million": (partial(million.measure_million, threads=threads), million.lines),
        "large": (
            partial(large.measure_large, asked.rows, asked.memory_gb, threads=threads),
            large.large_lines,
        ),
        "explain": (
            partial(explaining.measure_explain, **run, epochs=asked.epochs),
            explaining.lines,
        ),
        "serve": (
            partial(serving.measure_serving, peers=_installed(serving.PEERS)),
            serving.serving_lines,
        ),
        "update": (
            partial(in_child, "update:measure_update", threads=threads, overrides=run["overrides"]),
            update.lines,
        ),
        "gpu": (
            partial(gpu.measure_gpu, run["overrides"], epochs=asked.epochs, threads=threads),
            gpu.gpu_lines,
        ),
    }
    chosen = [Job(part, *simple[part]) for part in asked.parts if part in simple]
    if "peers" in asked.parts:
        chosen += _peer_jobs(asked)
    return chosen


def _installed(names: Iterable[str]) -> dict[str, Path]:
    """Return the interpreters of the peers that are installed."""
    pythons = {peer: peers.installed(peer) for peer in names}
    return {peer: python for peer, python in pythons.items() if python is not None}


def _peer_jobs(asked: Request) -> list[Job]:
    unknown = [model for model in asked.models if model not in peers.BY_QUALITY]
    if unknown or not asked.models:
        names = ", ".join(peers.BY_QUALITY)
        raise ConfigError(f"models={unknown}: unknown", todo=f"choose from {names}")
    chosen = []
    for peer in asked.peers:
        python = peers.interpreter(peer)
        if peer in peers.BY_EPOCH:
            compare = partial(
                peers.by_epoch,
                peer,
                python,
                asked.data,
                epochs=asked.epochs,
                precision=asked.precision,
                threads=asked.threads,
            )
            chosen.append(Job(f"peers: {peer}", compare, partial(peers.epoch_lines, peer)))
            continue
        for model in asked.models:
            compare = partial(
                peers.by_quality, model, python, minutes=asked.minutes, threads=asked.threads
            )
            chosen.append(
                Job(f"peers: {peer} {model}", compare, partial(peers.quality_lines, model))
            )
    return chosen


def _after_preparing(run: dict[str, Any], **what: Any) -> dict[str, Any]:
    """Prepare the data in one process, measure in the next."""
    return {"data": in_child("setup:describe_data", **run)} | in_child(
        "training:measure", **run, **what
    )


def _train_lines(result: dict[str, Any]) -> list[Line]:
    memory = [
        Line("train", "peak GPU memory, MiB", result[k]) for k in ("gpu_peak_mb",) if k in result
    ]
    return [
        Line("train", "target positions/s", result["targets_per_s"]),
        Line("train", "s/epoch", result["epoch_s"]),
        Line("train", "share of padding", result["padding"]),
        Line("train", "peak memory, MiB", result["peak_mb"]),
        Line("train", "of which imports, MiB", result["imported_mb"]),
        *memory,
    ]


def _ranking_lines(result: dict[str, Any]) -> list[Line]:
    return [Line("ranking", "users/s", result["users_per_s"])]


def _startup_lines(result: dict[str, Any]) -> list[Line]:
    first, imports = result["first_step_seconds"], sum(result["import_seconds"].values())
    return [
        Line("startup", "s from train.py to its first step", first, at_most=FIRST_STEP_S),
        Line("startup", "of which imports, s", imports),
    ]


def _prepare_lines(result: dict[str, Any]) -> list[Line]:
    return [
        Line("prepare", "rows", result["rows"]),
        Line("prepare", "rows/s", result["rows_per_s"]),
        Line("prepare", "peak memory, MiB", result["peak_mb"]),
    ]
