"""A model of RecBole's until its validation gets no better, on the events of a CSV file;
seqrec/benchmark/peers.py runs this.

PYTHONPATH=. .venv-peers/recbole/bin/python scripts/peers/run_recbole.py < arguments.json
"""

import json
import os
import sys
import tempfile
import time
import warnings
from contextlib import redirect_stdout
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from recbole.config import Config
from recbole.data import create_dataset, data_preparation
from recbole.utils import get_model, get_trainer, init_seed

from seqrec.machine.process import peak_mb

NAME = "events"  # of the dataset


class OutOfTimeError(Exception):
    """The limit was reached; RecBole has none of its own."""


class Watch:
    """Called after each validation: keeps the best score with its time.

    Args:
        limit_s: no epoch begins that would probably end later.
    """

    def __init__(self, limit_s: float) -> None:
        self.limit_s, self.begun = limit_s, time.perf_counter()
        self.best, self.best_s, self.last = -1.0, 0.0, 0.0
        self.scores: list[float] = []

    def __call__(self, epoch: int, score: float) -> None:
        """A validation is over."""
        now = time.perf_counter() - self.begun
        self.scores.append(score)
        if score > self.best:
            self.best, self.best_s = score, now
        print(f"epoch {epoch + 1}  ndcg@10 {score:.4f}  {now:.1f} s", file=sys.stderr)
        if now + (now - self.last) > self.limit_s:
            raise OutOfTimeError
        self.last = now


def sizes(given: dict[str, Any]) -> dict[str, Any]:
    """The sizes of a model, under the names it has for them."""
    dim, dropout = given["dim"], given["dropout"]
    return {
        "SASRec": {
            "n_layers": given["layers"],
            "n_heads": given["heads"],
            "hidden_size": dim,
            "inner_size": given["ffn"],
            "hidden_dropout_prob": dropout,
            "attn_dropout_prob": dropout,
        },
        "GRU4Rec": {
            "embedding_size": dim,
            "hidden_size": dim,
            "num_layers": 1,
            "dropout_prob": dropout,
        },
        "NARM": {
            "embedding_size": dim,
            "hidden_size": dim,
            "n_layers": 1,
            "dropout_probs": [dropout, dropout],
        },
    }[given["model"]]


def main(given: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Train until early stopping or the limit, and say what it reached when."""
    imported = peak_mb()
    warnings.filterwarnings("ignore")
    torch.set_num_threads(given["threads"])
    (folder / NAME).mkdir()
    events = pd.read_csv(given["events"])
    events.columns = ["user_id:token", "item_id:token", "timestamp:float"]
    events.to_csv(folder / NAME / f"{NAME}.inter", sep="\t", index=False)
    os.chdir(folder)  # it leaves logs where it runs
    config = Config(
        model=given["model"],
        dataset=NAME,
        config_dict={
            **sizes(given),
            "data_path": str(folder),
            "load_col": {"inter": ["user_id", "item_id", "timestamp"]},
            "MAX_ITEM_LIST_LENGTH": given["length"],
            "train_batch_size": given["batch"],
            "eval_batch_size": given["eval_batch"],
            "learning_rate": given["lr"],
            "loss_type": "CE",
            "train_neg_sample_args": None,
            "epochs": 1000,
            "stopping_step": 10,
            "eval_args": {
                "split": {"LS": "valid_and_test"},
                "group_by": "user",
                "order": "TO",
                "mode": "full",
            },
            "metrics": ["NDCG"],
            "topk": [10],
            "valid_metric": "NDCG@10",
            "metric_decimal_place": 8,
            "use_gpu": False,
            "show_progress": False,
            "reproducibility": False,
            "state": "ERROR",
        },
    )
    init_seed(0, False)
    dataset = create_dataset(config)
    train, valid, _ = data_preparation(config, dataset)
    model = get_model(config["model"])(config, train._dataset)
    trainer = get_trainer(config["MODEL_TYPE"], config["model"])(config, model)
    watch, ended = Watch(given["limit_s"]), "early stopping"
    try:
        trainer.fit(train, valid, verbose=False, saved=False, callback_fn=watch)
    except OutOfTimeError:
        ended = "time limit"
    return {
        "ndcg@10": watch.best,
        "seconds": watch.best_s,
        "epochs": len(watch.scores),
        "best_epoch": watch.scores.index(watch.best) + 1,
        "ended_by": ended,
        "samples": len(train._dataset),
        "items": dataset.item_num - 1,
        "imported_mb": imported,
        "peak_mb": peak_mb(),
        "threads": torch.get_num_threads(),
        "precision": "fp32",
        "versions": {name: version(name) for name in ("recbole", "torch")},
    }


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        arguments = json.load(sys.stdin)
        with redirect_stdout(sys.stderr):
            answer = main(arguments, Path(temporary).resolve())
        print(json.dumps(answer))
