"""Growth of an epoch's time with length, catalogue and users: three points each."""

import math
import tempfile
from pathlib import Path
from typing import Any

from seqrec.benchmark.child import in_child
from seqrec.benchmark.report import Line

BASE = {"length": 50, "items": 2_500, "users": 1_000}
POINTS: dict[str, tuple[int, ...]] = {
    "length": (50, 100, 200),
    "items": (2_500, 10_000, 40_000),
    "users": (1_000, 2_000, 4_000),
}
NAMES = {"length": "sequence length L", "items": "catalogue size V", "users": "users"}


def measure_growth(
    model: str,
    *,
    threads: int,
    base: dict[str, int] = BASE,
    points: dict[str, tuple[int, ...]] = POINTS,
) -> dict[str, list[dict[str, float]]]:
    """Train on generated sequences, changing one size at a time; batches of 128, d 64.

    Returns:
        ``length``, ``items`` and ``users``, each with a list of ``at``, ``epoch_s`` and
        ``peak_mb``.
    """
    grown: dict[str, list[dict[str, float]]] = {}
    for axis, sizes in points.items():
        grown[axis] = []
        for size in sizes:
            measured = _at({**base, axis: size}, model, threads)
            grown[axis].append({"at": size} | {k: measured[k] for k in ("epoch_s", "peak_mb")})
    return grown


def _at(size: dict[str, int], model: str, threads: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "sequences.txt")
        data = in_child("generated:write_sequences", threads=threads, path=path, **size)
        sized = (f"model={model}", "dim=64", "batch.size=128", f"paths.cache_dir={folder}")
        shared: dict[str, Any] = {"overrides": [*data, *sized], "threads": threads}
        in_child("setup:describe_data", **shared)
        return in_child("training:measure", epochs=2, **shared)


def exponent(points: list[dict[str, float]], of: str = "epoch_s") -> float:
    """Return p if time grows like size to the power p, from the first point to the last."""
    first, last = points[0], points[-1]
    return math.log(last[of] / first[of]) / math.log(last["at"] / first["at"])


def lines(grown: dict[str, list[dict[str, float]]]) -> list[Line]:
    """Report every point, and the exponents."""
    reported = []
    for axis, points in grown.items():
        for point in points:
            what = f"s/epoch at {axis} {point['at']:,.0f}"
            reported.append(Line(f"growth: {axis}", what, point["epoch_s"]))
        what = f"exponent of {axis} in the time"
        reported.append(Line(f"growth: {axis}", what, exponent(points)))
    return reported
