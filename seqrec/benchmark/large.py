"""Time, memory and disk of preparing more interactions than fit into memory."""

import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import polars as pl

from seqrec.benchmark.child import THREADS
from seqrec.benchmark.prepare import drawn
from seqrec.benchmark.report import Line
from seqrec.config.schema import Prepare
from seqrec.data.files import Files
from seqrec.machine.process import peak_mb
from seqrec.store.prepare import prepare

PER_USER, ITEMS = 20, 1_000_000
CHUNKS = 10  # of a million rows, in a file
LOOK_S = 0.2  # between two looks at the disk


def measure_large(rows: int, memory_gb: float, *, threads: int) -> dict[str, Any]:
    """Prepare `rows` generated interactions (``k_core=5``) in a process of its own.

    There is a user per 20 rows; a million items are drawn by their rank (Zipf), so many of them
    have few events.

    Args:
        rows: how many, in Parquet files of 10 million rows.
        memory_gb: see :class:`~seqrec.config.schema.Prepare`.
        threads: of every library that uses them.

    Returns:
        ``rows`` and ``kept``; ``seconds`` from the files to the opened store, and ``cpu_s`` of all
        threads; ``peak_mb``, resident memory in MiB, ``imported_mb`` of it before; ``own_mb``, the
        most of it at once that isn't a file mapped to memory, whose pages the system takes back;
        ``disk_gb``, the most that lay on the disk at once besides the files, with that of the
        files, ``source_gb``; ``data_hash``.
    """
    with tempfile.TemporaryDirectory() as folder:
        source, cache = Path(folder) / "events", Path(folder) / "cache"
        source.mkdir()
        frames = drawn(rows, -(-rows // PER_USER), ITEMS)
        while chunks := [frame for _, frame in zip(range(CHUNKS), frames, strict=False)]:
            pl.concat(chunks).write_parquet(source / f"part-{len(list(source.iterdir()))}.parquet")
        command = [sys.executable, "-m", __name__, str(source), str(cache), str(memory_gb)]
        environment = os.environ | dict.fromkeys(THREADS, str(threads))
        done = subprocess.run(
            command, check=True, stdout=subprocess.PIPE, text=True, env=environment
        )
        return {"rows": rows, "source_gb": _size(source) / 1e9, **json.loads(done.stdout)}


def large_lines(result: dict[str, Any]) -> list[Line]:
    """Report a measurement; memory a row is that beyond the imports."""
    rows = result["rows"]
    memory = (result["peak_mb"] - result["imported_mb"]) * 2**20
    return [
        Line("large", "rows", rows),
        Line("large", "seconds", result["seconds"]),
        Line("large", "CPU time, µs/row", result["cpu_s"] / rows * 1e6),
        Line("large", "peak memory, MiB", result["peak_mb"]),
        Line("large", "of it without mapped files, MiB", result["own_mb"]),
        Line("large", "memory beyond the imports, bytes/row", memory / rows),
        Line("large", "most on disk, bytes/row", result["disk_gb"] * 1e9 / rows),
    ]


@contextmanager
def _watched(folder: Path) -> Iterator[dict[str, float]]:
    """Yield the most that there was so far: bytes in a folder, and MiB of this process's own."""
    most, ended = {"disk": 0.0, "own_mb": 0.0}, threading.Event()

    def look() -> None:
        while not ended.wait(LOOK_S):
            most["disk"] = max(most["disk"], _size(folder))
            most["own_mb"] = max(most["own_mb"], _own_mb())

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield most
    finally:
        ended.set()
        watcher.join()


def _own_mb() -> float:
    """Return the resident memory of this process that isn't mapped from files, in MiB."""
    status = Path("/proc/self/status").read_text()
    return int(re.findall(r"RssAnon:\s*(\d+)", status)[0]) / 1024


def _size(folder: Path) -> int:
    """Return the bytes of the files below a folder, without those that are removed meanwhile."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += Path(place, name).stat().st_size
    return total


def _main(source: str, cache_dir: str, memory_gb: str) -> None:
    imported, start = peak_mb(), time.perf_counter()
    settings = Prepare(k_core=5, memory_gb=float(memory_gb))
    with _watched(Path(cache_dir)) as most:
        store = prepare(Files(path=source), settings, cache_dir)
    times = os.times()
    measured = {
        "seconds": time.perf_counter() - start,
        "cpu_s": times.user + times.system,
        "peak_mb": peak_mb(),
        "imported_mb": imported,
        "own_mb": most["own_mb"],
        "disk_gb": most["disk"] / 1e9,
        "kept": store.n_interactions,
        "data_hash": store.data_hash,
    }
    print(json.dumps(measured))


if __name__ == "__main__":
    _main(*sys.argv[1:])
