"""RecTools' SASRec on the events of a CSV file: see seqrec/benchmark/peers.py, which runs this.

PYTHONPATH=. .venv-peers/rectools/bin/python scripts/peers/run_rectools.py < arguments.json
"""

import json
import logging
import sys
import warnings
from importlib.metadata import version
from typing import Any

import pandas as pd
import pytorch_lightning as lightning
import torch
from rectools import Columns
from rectools.dataset import Dataset
from rectools.models import SASRecModel

from seqrec.benchmark.meter import EpochClock, fastest
from seqrec.machine.process import peak_mb


class Clock(EpochClock, lightning.Callback):
    """The clock as a callback."""


PRECISIONS: dict[str, Any] = {"fp32": "32-true", "bf16": "bf16-mixed"}


def trainer(epochs: int, precision: str) -> lightning.Trainer:
    """RecTools' own default trainer, with the clock."""
    return lightning.Trainer(
        min_epochs=epochs,
        max_epochs=epochs,
        precision=PRECISIONS[precision],
        accelerator="cpu",
        devices=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[Clock()],
    )


def main(given: dict[str, Any]) -> dict[str, Any]:
    """Train, recommend, and say what it took."""
    imported = peak_mb()
    warnings.filterwarnings("ignore")
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    torch.set_num_threads(given["threads"])
    lightning.seed_everything(0)
    events = pd.read_csv(given["events"])
    interactions = pd.DataFrame(
        {
            Columns.User: events["user"],
            Columns.Item: events["item"],
            Columns.Weight: 1.0,
            Columns.Datetime: pd.to_datetime(events["time"], unit="s"),
        }
    )
    dataset = Dataset.construct(interactions)
    model = SASRecModel(
        n_blocks=given["layers"],
        n_heads=given["heads"],
        n_factors=given["dim"],
        dropout_rate=given["dropout"],
        session_max_len=given["length"],
        batch_size=given["batch"],
        lr=given["lr"],
        loss="softmax",
        recommend_batch_size=given["eval_batch"],
        get_trainer_func=lambda: trainer(given["epochs"] + 1, given["precision"]),
    )
    model.fit(dataset)
    assert model.fit_trainer is not None
    [clock] = [c for c in model.fit_trainer.callbacks if isinstance(c, Clock)]  # type: ignore[attr-defined]
    peak, users = peak_mb(), events["user"].unique()
    seconds = fastest(lambda: model.recommend(users, dataset, k=given["k"], filter_viewed=True))
    return {
        "epochs": clock.seconds()[1:],
        "imported_mb": imported,
        "peak_mb": peak,
        "recommend_s": seconds,
        "users": len(users),
        "items": dataset.item_id_map.size,
        "threads": torch.get_num_threads(),
        "precision": given["precision"],
        "versions": {name: version(name) for name in ("rectools", "torch", "pytorch-lightning")},
    }


if __name__ == "__main__":
    print(json.dumps(main(json.load(sys.stdin))))
