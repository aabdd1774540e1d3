"""Folders of finished runs, as a run leaves them, without the run."""

import copy
import functools
import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch

from helpers.experiments import TINY
from seqrec.comparison.estimate.comparison import compare
from seqrec.comparison.estimate.rows import Comparison
from seqrec.comparison.read.runs import Run
from seqrec.config.compose import compose
from seqrec.config.typed import plain_values, typed
from seqrec.evaluation.protocol import SHARES
from seqrec.evaluation.slices import slice_metrics
from seqrec.metric.ndcg import NDCG
from seqrec.run.folder import RunFolder

HASH, PROTOCOL = "a" * 64, "leave_one_out; full ranking; seen items masked"
CARD = {
    **{"data": "planted", "data_hash": HASH, "protocol": PROTOCOL, "protocol_id": "0123456789ab"},
    **{"train_events": 900, "valid_targets": 60, "test_targets": 60, "candidates": 200},
    **{"items": 200, "seen": "masked", "k_core": "none", "cold_targets": "ranked"},
    **{"times": None, "leaks": ["there are no times"]},
    **dict.fromkeys(SHARES, 0.25),
}


@functools.cache
def config_of(*overrides: str) -> tuple[dict[str, Any], str]:
    """A whole configuration, composed once, and what its model is called."""
    made = compose([*TINY, *overrides])
    return plain_values(typed(made.config)), made.choices["model"]


def events(users: int, *, per_user: int = 1) -> pl.DataFrame:
    """Test events, without ranks: the same for every run."""
    count = users * per_user
    return pl.DataFrame(
        {
            "user": [f"u{at // per_user:05}" for at in range(count)],
            "item": [f"i{at * 7 % 200}" for at in range(count)],
            "history": [5 + at % 9 for at in range(count)],
            "user_events": [4 + at % 5 for at in range(count)],
            "item_events": [at % 4 for at in range(count)],
        }
    )


def ranks_of(users: int, *, skill: float, seed: int, per_user: int = 1) -> np.ndarray:
    """Ranks that depend on the user, the skill and chance."""
    hard = np.repeat(np.random.default_rng(0).normal(size=users), per_user)
    noise = np.random.default_rng([seed, int(skill * 1000)]).normal(size=users * per_user)
    return np.maximum(1, np.exp(3 + hard + 0.3 * noise - skill)).astype(np.int64)


def write_run(
    path: Path,
    *overrides: str,
    seed: int = 1,
    skill: float = 0.0,
    users: int = 60,
    per_user: int = 1,
    epochs: int = 3,
    started: str = "2026-01-01T00:00:00+0000",
    card: dict[str, Any] | None = None,
    settings: dict[str, Any] | None = None,
) -> Path:
    """Write what :func:`seqrec.experiment.run.run` leaves.

    Args:
        path: the folder.
        overrides: as on the command line; the model and the components.
        seed, skill, users, per_user: make the ranks.
        epochs: lines of the learning curve; 0 of a baseline.
        started: in run.json.
        card: entries of the protocol card that are different.
        settings: values of the configuration that are different, by dotted key.
    """
    folder, card = RunFolder(path), CARD | (card or {})
    path.mkdir(parents=True)
    config, model = copy.deepcopy(config_of(*overrides))
    config["seed"] = seed
    for key, value in (settings or {}).items():
        *inner, last = key.split(".")
        functools.reduce(dict.__getitem__, inner, config)[last] = value
    folder.write_text("config.yaml", json.dumps(config))  # JSON is YAML, and quicker to write
    ranks = events(users, per_user=per_user).with_columns(
        rank=ranks_of(users, skill=skill, seed=seed, per_user=per_user)
    )
    folder.write_table("ranks.parquet", ranks)
    rank_R = torch.from_numpy(ranks["rank"].to_numpy().copy())
    reached = {"test/ndcg@10": float(NDCG()(rank_R, 10).mean())}
    results = reached | {"fit_seconds": 2.0 + 3 * skill, "peak_memory_mb": 300.0, "parameters": 9}
    results |= {"data_hash": card["data_hash"], "protocol": card["protocol"], "seed": seed}
    if epochs:
        results |= {"epochs": epochs, "best_epoch": epochs - 1}
    folder.write_json("metrics.json", results | slice_metrics(ranks, {"ndcg": NDCG()}, 10))
    folder.write_json("protocol.json", card)
    about = {"name": " ".join([model, *overrides]), "group": "g", "run_id": path.name}
    facts = {"facts": {}, "data_hash": card["data_hash"], "precision": "fp32", "started": started}
    folder.write_json("run.json", about | facts | {"choices": {"model": model}})
    lines = [
        {"epoch": e, "seconds": 0.5, "train/loss": 5.0 / e, "valid/loss": 5.1 / e}
        | {"valid/ndcg@10": skill * e / epochs / 10}
        for e in range(1, epochs + 1)
    ]
    folder.write_text("history.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    return path


def write_sweep(outputs: Path) -> Path:
    """A sweep over encoder and head with three seeds, and two baselines, in the usual places."""
    sweep, number = outputs / "planted" / "sweeps" / "2026-01-01_00-00-00", 0
    for encoder in ("gru", "lstm"):
        for head in ("additive", "last"):
            skill = 1.0 + 0.8 * (encoder == "gru") + 0.4 * (head == "additive")
            for seed in (1, 2, 3):
                name = f"{number}_encoder-{encoder}_head-{head}_seed-{seed}"
                overrides = (f"encoder={encoder}", f"head={head}")
                write_run(sweep / name, *overrides, seed=seed, skill=skill)
                number += 1
    for at, model in enumerate(("popularity", "item_knn")):
        folder = outputs / "planted" / model / "2026-01-02_00-00-00"
        write_run(folder, f"model={model}", skill=0.2 + 1.5 * at, epochs=0)
    return outputs


def compared(runs: list[Run], **options: Any) -> Comparison:
    """A comparison by NDCG@10."""
    given = {"by": None, "metrics": ["ndcg@10"], "reference": None, "replicates": 1000}
    return compare(runs, **given | options)
