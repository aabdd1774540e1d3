"""Comparison with RecTools, RePlay and RecBole: same events, model, sizes and threads, in turn.

Each peer runs in its own environment and process, and this project right after it in another
process. RecTools and RePlay are compared by epoch; RecBole, whose epoch visits every prefix of a
history as a sample, by the time to reach its own best validation NDCG@10.
"""

import math
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from seqrec.benchmark.child import in_child, run
from seqrec.benchmark.report import Line
from seqrec.errors import ConfigError
from seqrec.home import PROJECT

BY_EPOCH = {"rectools": 6, "replay": 4}  # peer to the least ratio of seconds an epoch
BY_QUALITY = {"SASRec": 50, "GRU4Rec": 20, "NARM": 20}  # RecBole's name to the least ratio
FASTER_LISTS, MEMORY_SHARE = 3, 1 / 3
SASREC = (  # the sizes of the comparison by epoch
    *("model=sasrec", "dim=64", "max_length=200", "batch.size=128", "dropout=0.2"),
    *("encoder.layers=2", "encoder.heads=1", "encoder.ffn=64", "optimizer.lr=1e-3"),
)
EQUAL_QUALITY = (  # RecBole learns from every event of a history, and ranks seen items too
    *("data=movielens_100k", "max_length=50", "dim=64", "dropout=0.2", "optimizer.lr=1e-3"),
    *("window=sliding", "evaluation.mask_seen=false", "metric=[ndcg]"),
)
AS_THERE = {"SASRec": ("encoder.positions=start", "encoder.std=0.02")}  # as in RecBole
OWN = (  # small batches, as targets of a sequence are alike; large steps, averaged
    *("optimizer.lr=5e-3", "trainer.ema=0.99", "loss.label_smoothing=0.05", "window.stride=50"),
)
OWN_SETTINGS = {
    "SASRec": (
        *(*OWN, "batch.size=32", "+optimizer.betas=[0.8,0.99]", "encoder.positions=end"),
        *("encoder.std=0.1", "embedding.std=0.02", "embedding.scale=false"),
    ),
    "GRU4Rec": (*OWN, "batch.size=16"),
    "NARM": (*OWN, "batch.size=16"),
}
SEEDS = (1, 2, 3)  # with this project's own settings; the median time is reported
BUCKET = 16  # rows that RePlay encodes together, by length: faster than 32 or the whole batch
SAMPLES = 2048  # prefixes in a batch, RecBole's default


def peer_names() -> list[str]:
    """Return the names of all peers."""
    return [*BY_EPOCH, "recbole"]


def interpreter(peer: str) -> Path:
    """Return the Python interpreter of a peer's environment.

    Raises:
        ConfigError: there is no such peer, or it isn't installed.
    """
    if peer not in peer_names():
        raise ConfigError(f"peers={peer} is unknown", todo=f"choose from {', '.join(peer_names())}")
    python = installed(peer)
    if python is None:
        where = f".venv-peers/{peer}"
        raise ConfigError(f"{peer} isn't installed", where=where, todo="make bench-peers")
    return python


def installed(peer: str) -> Path | None:
    """Return the Python interpreter of a peer's environment; None: it isn't installed."""
    python = PROJECT / ".venv-peers" / peer / "bin" / "python"
    return python if python.exists() else None


def by_epoch(
    peer: str, python: Path, data: list[str], *, epochs: int, precision: str, threads: int
) -> dict[str, Any]:
    """Measure RecTools or RePlay, then this project: epochs, memory, recommending to all users.

    Args:
        peer: its name.
        python: see :func:`interpreter`.
        data: overrides of ``train.py``: the data, and other changes to :data:`SASREC`.
        epochs: measured epochs, after one that warms up.
        precision: precision of both; ``auto``: bf16 if the CPU supports it.
        threads: threads of every process.

    Returns:
        ``data``, ``sizes``, and the measurements of the ``peer`` and of ``seqrec``.
    """
    overrides = [*SASREC, *data, "trainer=cpu", f"trainer.precision={precision}"]
    shared: dict[str, Any] = {"overrides": overrides, "threads": threads}
    with _events(shared, held_out=False) as result:
        given = {**result["sizes"], "threads": threads, "epochs": epochs, "bucket": BUCKET}
        theirs = run([python, _program(peer)], given, threads=threads)
        theirs["epoch_s"] = statistics.median(theirs["epochs"])
        result["peer"] = theirs
        result["seqrec"] = in_child("training:measure", epochs=epochs, recommend=True, **shared)
    return result


def by_quality(model: str, python: Path, *, minutes: float, threads: int) -> dict[str, Any]:
    """Measure a model of RecBole, then this project until it is as good.

    Args:
        model: RecBole's name for it.
        python: see :func:`interpreter`.
        minutes: time limit of each.
        threads: threads of every process.

    Returns:
        See :func:`by_epoch`. ``seqrec`` has the same settings as the peer; ``own`` holds runs with
        this project's :data:`OWN_SETTINGS`, by seed.
    """
    made = f"model={model.lower()}", *AS_THERE.get(model, ())
    overrides = [*made, *EQUAL_QUALITY, "trainer=cpu", "trainer.precision=fp32"]
    found = in_child("setup:describe_data", overrides=overrides, threads=threads)
    size = max(1, round(SAMPLES * found["sequences"] / found["targets"]))
    shared: dict[str, Any] = {"overrides": [*overrides, f"batch.size={size}"], "threads": threads}
    limit: dict[str, Any] = {"limit_s": 60 * minutes}
    with _events(shared, held_out=True) as result:
        given = {**result["sizes"], "threads": threads, "model": model, "batch": SAMPLES, **limit}
        theirs = result["peer"] = run([python, _program("recbole")], given, threads=threads)
        result["seqrec"] = in_child(
            "quality:measure_quality", target=theirs["ndcg@10"], **limit, **shared
        )
        result["own"] = [
            in_child(
                "quality:measure_quality",
                target=theirs["ndcg@10"],
                overrides=[*overrides, *OWN_SETTINGS[model], f"seed={seed}"],
                threads=threads,
                **limit,
            )
            for seed in SEEDS
        ]
    return result


@contextmanager
def _events(shared: dict[str, Any], *, held_out: bool) -> Iterator[dict[str, Any]]:
    """Yield the description of the data, of its events in a file, and the sizes for a peer."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "events.csv")
        yield {
            "data": in_child("setup:describe_data", **shared),
            "events": in_child("events:write_events", path=path, held_out=held_out, **shared),
            "sizes": in_child("setup:sizes", **shared) | {"events": path},
        }


def _program(peer: str) -> Path:
    return PROJECT / "scripts" / "peers" / f"run_{peer}.py"


def epoch_lines(peer: str, result: dict[str, Any]) -> list[Line]:
    """Report the ratios, with their bars."""
    theirs, ours = result["peer"], result["seqrec"]
    seconds = theirs["epoch_s"], ours["epoch_s"]
    lists = theirs["users"] / theirs["recommend_s"], ours["users_per_s"]
    extra = [result["peak_mb"] - result["imported_mb"] for result in (theirs, ours)]
    memory = ours["peak_mb"] / theirs["peak_mb"]
    return [
        Line(peer, "s/epoch, peer", seconds[0]),
        Line(peer, "s/epoch, seqrec", seconds[1]),
        Line(peer, "times faster an epoch", seconds[0] / seconds[1], at_least=BY_EPOCH[peer]),
        Line(peer, "peak memory, peer, MiB", theirs["peak_mb"]),
        Line(peer, "peak memory, seqrec, MiB", ours["peak_mb"]),
        Line(peer, "share of the peer's peak", memory, at_most=MEMORY_SHARE),
        Line(peer, "share without imports", extra[1] / extra[0]),
        Line(peer, "users/s, peer", lists[0]),
        Line(peer, "users/s, seqrec", lists[1]),
        Line(peer, "times faster recommending", lists[1] / lists[0], at_least=FASTER_LISTS),
    ]


def quality_lines(model: str, result: dict[str, Any]) -> list[Line]:
    """Report the time to equal quality, with its bar; 0 if it wasn't reached."""
    theirs, least = result["peer"], BY_QUALITY[model]
    part = f"recbole {model}"
    lines: list[Line] = [
        Line(part, f"epochs, RecBole, to its {theirs['ended_by']}", theirs["epochs"]),
        Line(part, "best NDCG@10 in them", theirs["ndcg@10"]),
        Line(part, f"s to it, in epoch {theirs['best_epoch']}", theirs["seconds"]),
    ]
    for runs, settings in (([result["seqrec"]], "same settings"), (result["own"], "own settings")):
        ours = sorted(runs, key=lambda run: run["seconds"] if run["reached"] else math.inf)
        middle = ours[len(ours) // 2]
        ratio = theirs["seconds"] / middle["seconds"] if middle["reached"] else 0.0
        lines += [
            Line(part, f"NDCG@10, seqrec, {settings}, epoch {middle['epochs']}", middle["ndcg@10"]),
            Line(part, f"s to it{', median of seeds' * (len(ours) > 1)}", middle["seconds"]),
            Line(part, f"times faster to equal quality, {settings}", ratio, at_least=least),
        ]
    return lines
