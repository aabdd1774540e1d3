"""A shop that grows: its events so far, later ones, and runs on them."""

from pathlib import Path

import numpy as np
import polars as pl

from helpers.experiments import root, store_of
from seqrec.raw.source import Known
from seqrec.store.store import SequenceStore
from seqrec.update.source import write_known

MONTHS, BEFORE = 12, 9  # the parent has the first months
SETTINGS = ("data=files", "prepare.k_core=0", "split=temporal", "split.targets=all")
SINCE = 1_725_148_800_000  # 2024-09-01, in milliseconds


def write_growing(folder: Path, *, users: int = 60) -> None:
    """Write ``before.csv`` and ``after.csv``, which begins with it, and ``items.csv``.

    Users come and go all the year; some items come in September.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    rows = []
    for user in range(users):
        first = user % 10
        last = min(first + 2, MONTHS) if user % 4 else MONTHS
        for month in range(first, last):
            for _ in range(2):
                late = month >= BEFORE - 1 and rng.random() < 0.3
                item = f"n{rng.integers(3)}" if late else f"i{(user + rng.integers(6)) % 20}"
                day, hour = rng.integers(1, 28), rng.integers(24)
                rows.append((f"2024-{month + 1:02}-{day:02}T{hour:02}:00:00", f"u{user}", item))
    table = pl.DataFrame(rows, schema=["timestamp", "user_id", "item_id"], orient="row")
    table = table.select("user_id", "item_id", "timestamp").unique().sort("timestamp", "user_id")
    table.write_csv(folder / "after.csv")
    table.filter(pl.col("timestamp") < f"2024-{BEFORE:02}").write_csv(folder / "before.csv")
    names = [*(f"i{n}" for n in range(20)), *(f"n{n}" for n in range(3))]
    items = pl.DataFrame({"item_id": names}).with_columns(
        title=pl.Series([("red", "blue", "green")[n % 3] + f" thing {n % 5}" for n in range(23)]),
        kind=pl.Series([f"k{n % 3}" for n in range(23)]),
        price=pl.Series([float(n) for n in range(23)]),
    )
    items.write_csv(folder / "items.csv")


def stores(folder: Path, *options: str) -> tuple[SequenceStore, SequenceStore]:
    """The prepared data before, and grown."""
    write_growing(folder)
    given = [*SETTINGS, f"data.items_path={folder / 'items.csv'}", *options]
    before = store_of(root(*given, f"data.path={folder / 'before.csv'}"), folder / "cache")
    known = Known(before.items()["item"], before.users()["user"], SINCE)
    write_known(folder / "known.parquet", known)
    config = root(*given, f"data.path={folder / 'after.csv'}")
    config.data = {
        "_target_": "seqrec.update.source.Grown",
        "base": config.data,
        "known_path": str(folder / "known.parquet"),
    }
    return before, store_of(config, folder / "cache")
