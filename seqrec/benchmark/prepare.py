"""Speed and memory of preparing a large file."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
from polars.io.plugins import register_io_source

from seqrec.config.schema import Prepare
from seqrec.data.files import Files
from seqrec.machine.process import peak_mb
from seqrec.store.prepare import prepare

EVENTS_PER_USER, EVENTS_PER_ITEM = 50, 250
START, SECONDS = 1_700_000_000, 365 * 86_400
CHUNK = 1_000_000  # rows generated at once
SCHEMA = {"user_id": pl.Int64, "item_id": pl.Int64, "timestamp": pl.Int64}


def generate(path: str | Path, rows: int, seed: int = 0) -> None:
    """Write generated interactions as Parquet, the same for the same arguments.

    There is a user per 50 rows and an item per 250; see :func:`drawn`.

    Args:
        path: the file, with columns user_id, item_id and timestamp (Int64).
        rows: number of interactions, at least 1.
        seed: seed of all random draws.
    """
    n_users, n_items = -(-rows // EVENTS_PER_USER), -(-rows // EVENTS_PER_ITEM)

    def chunks(*_: object) -> Iterator[pl.DataFrame]:
        return drawn(rows, n_users, n_items, seed)

    register_io_source(chunks, schema=SCHEMA).sink_parquet(path)


def drawn(rows: int, n_users: int, n_items: int, seed: int = 0) -> Iterator[pl.DataFrame]:
    """Yield generated interactions, a million at a time.

    Some users are far more active than others; the r-th most popular item has a share proportional
    to 1/r (Zipf). Times, in seconds, span one year, and rows are unordered: the hardest case for
    the sort.
    """
    rng = np.random.default_rng(seed)
    named = rng.permutation(n_items)
    below = np.cumsum(1 / np.arange(1, n_items + 1))
    for start in range(0, rows, CHUNK):
        size = min(CHUNK, rows - start)
        columns = (
            rng.random(size) ** 2 * n_users,
            named[np.searchsorted(below, rng.random(size) * below[-1])],
            START + rng.integers(SECONDS, size=size),
        )
        yield pl.DataFrame({n: c.astype(np.int64) for n, c in zip(SCHEMA, columns, strict=True)})


def measure_prepare(rows: int) -> dict[str, float]:
    """Prepare `rows` generated interactions (``k_core=5``) in a process of its own.

    Returns:
        ``rows``; ``seconds`` from the Parquet file to the opened store, without starting Python;
        ``rows_per_s``; ``peak_mb``, the peak resident memory of the process, in MiB.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.parquet"
        generate(path, rows)
        command = [sys.executable, "-m", __name__, str(path), folder]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    measured = json.loads(done.stdout)
    return {"rows": rows, "rows_per_s": rows / measured["seconds"], **measured}


def _main(path: str, cache_dir: str) -> None:
    start = time.perf_counter()
    prepare(Files(path=path), Prepare(k_core=5), cache_dir)
    print(json.dumps({"seconds": time.perf_counter() - start, "peak_mb": peak_mb()}))


if __name__ == "__main__":
    _main(*sys.argv[1:])
