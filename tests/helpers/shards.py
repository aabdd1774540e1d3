"""Stores of the same few sequences, in one folder or in shards."""

import json
from pathlib import Path

import numpy as np
import polars as pl

from seqrec.store.store import SequenceStore, write

USERS, ITEMS = 60, 30


def content() -> dict:
    """Sequences of 3 to 12 events with every kind of column, for :func:`write`."""
    rng = np.random.default_rng(3)
    length = rng.integers(3, 13, USERS)
    offset = np.concatenate([[0], np.cumsum(length)])
    n = int(offset[-1])
    within = np.concatenate([np.sort(rng.integers(0, 10**6, size)) for size in length])
    return {
        "name": "few",
        "arrays": {
            "offset": offset,
            "item": rng.integers(1, ITEMS + 1, n).astype(np.int32),
            "timestamp": within,
            "rating": rng.integers(1, 6, n).astype(np.float32),
            "part": None,
        },
        "context": {
            "dwell": (rng.random(n).astype(np.float32), None),
            "device": (rng.integers(0, 3, n).astype(np.int32), ["phone", "tablet"]),
        },
        "users": pl.DataFrame({"index": np.arange(USERS), "user": [f"ü{u}" for u in range(USERS)]}),
        "items": pl.DataFrame(
            {
                "index": np.arange(1, ITEMS + 1),
                "item": [f"i{i}" for i in range(ITEMS)],
                "title": [f"Title {i}" for i in range(ITEMS)],
            }
        ),
        "report": {
            "rejected": {},
            "steps": [{"step": "raw", "users": USERS, "items": ITEMS, "interactions": n}],
        },
    }


def stored(folder: Path, shards: int | None) -> SequenceStore:
    """Write the sequences, and open them."""
    folder.mkdir(parents=True)
    write(folder, shards=shards, **content())
    return SequenceStore(folder)


def index_of(store: SequenceStore) -> dict:
    """What the index of a store says."""
    return json.loads((store.folder / "store.json").read_text())
