"""Memory of full-softmax training steps over a catalogue of a million items."""

import tempfile
from pathlib import Path
from typing import Any

from seqrec.benchmark.child import in_child
from seqrec.benchmark.report import Line

ITEMS, USERS, LENGTH, STEPS = 1_000_000, 20_000, 50, 2
LIMIT_MB = 4e9 / 2**20  # 4 GB


def measure_million(*, threads: int, items: int = ITEMS, users: int = USERS) -> dict[str, Any]:
    """Train ``model=sasrec`` (d 64, batch 128, L 50) for two steps, checkpoint included."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "sequences.txt")
        size: dict[str, Any] = {"users": users, "items": items, "length": LENGTH}
        data = in_child("generated:write_sequences", threads=threads, path=path, **size)
        sized = ("model=sasrec", "dim=64", "batch.size=128", "loss=cross_entropy", "trainer=cpu")
        overrides = [*data, *sized, f"paths.cache_dir={folder}"]
        shared: dict[str, Any] = {"overrides": overrides, "threads": threads}
        found = in_child("setup:describe_data", **shared)
        return found | in_child("training:measure", epochs=1, steps=STEPS, **shared)


def lines(result: dict[str, Any]) -> list[Line]:
    """Report memory, with its bar."""
    return [
        Line("million", "items", result["items"]),
        Line("million", "s a step", result["step_s"]),
        Line("million", "peak memory, MiB", result["peak_mb"], at_most=LIMIT_MB),
    ]
