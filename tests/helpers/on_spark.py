"""What tests of Spark share: settings for small jobs, events, and what a store says of itself."""

import json

import numpy as np
import polars as pl
import pytest

from seqrec.errors import ConfigError
from seqrec.raw.spark import session as sessions
from seqrec.store.prepare import _build
from seqrec.store.store import SequenceStore

SMALL = [  # what makes jobs of a few rows quick
    "spark.sql.shuffle.partitions=1",
    "spark.sql.codegen.wholeStage=false",
    "spark.sql.codegen.factoryMode=NO_CODEGEN",
    "spark.driver.memory=1g",
    "spark.default.parallelism=2",
]
JVM = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"  # a short life


def has_spark() -> bool:
    try:
        sessions.check_spark()
    except ConfigError:
        return False
    return True


needs_spark = pytest.mark.skipif(not has_spark(), reason="pyspark or Java 17 is missing")


def here(source, steps, folder):
    """What this machine makes of a source, as :func:`told` says."""
    _build(source, steps, folder / "here")
    return told(folder / "here")


def told(folder):
    """What a store says of itself but for the hashes of its arrays' files; and its items."""
    found = json.loads((folder / "store.json").read_text())
    found |= {"item": SequenceStore(folder).item[:].tolist()}
    tables = {name: found["files"][name]["sha256"] for name in ("items.parquet", "users.parquet")}
    return {k: v for k, v in found.items() if k not in ("files", "shards", "sha256")} | tables


def events(seed: int, n: int = 300) -> pl.DataFrame:
    """Events with ties, repeats, pauses, unknown values, and ids that the rule of ids changes."""
    rng = np.random.default_rng(seed)
    ids = [" u1", "u1", "u2", "7.0", "7", "u\u0301", "\u00fa", " ", *(f"u{k}" for k in range(9))]
    items = [*map(str, range(12)), "i2", "i2 ", "2.0"]
    rating = rng.integers(1, 6, n).astype(np.float32)
    rating[rng.random(n) < 0.05] = np.nan
    return pl.DataFrame(
        {
            "user": rng.choice(ids, n),
            "item": rng.choice(items, n),
            "timestamp": rng.integers(0, 40, n) * 600_000,
            "rating": rating,
            "c1": [None if v == 3 else "wxyz"[v] for v in rng.integers(0, 4, n)],
            "_row_": [None if v == 3 else float(v) for v in rng.integers(0, 4, n)],
        },
        schema_overrides={"_row_": pl.Float32},
    )
