"""RePlay's SasRec with its Parquet module on the events of a CSV file; seqrec/benchmark/peers.py
runs this.

PYTHONPATH=. .venv-peers/replay/bin/python scripts/peers/run_replay.py < arguments.json
"""

import json
import logging
import sys
import tempfile
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any

import lightning
import pandas as pd
import torch
from replay.data import FeatureHint, FeatureSource, FeatureType
from replay.data.nn import ParquetModule, TensorFeatureInfo, TensorFeatureSource, TensorSchema
from replay.nn.lightning import LightningModule
from replay.nn.lightning.callback import PandasTopItemsCallback
from replay.nn.lightning.optimizer import OptimizerFactory
from replay.nn.lightning.postprocessor import SeenItemsFilter
from replay.nn.sequential import LengthBucketedQueryEncoder, SasRec
from replay.nn.transform.template import make_default_sasrec_transforms

from seqrec.benchmark.meter import EpochClock, fastest
from seqrec.machine.process import peak_mb

ITEM, USER, SEEN = "item_id", "user_id", "seen_ids"
PRECISIONS = {"fp32": "32-true", "bf16": "bf16-mixed"}


class Clock(EpochClock, lightning.Callback):
    """The clock as a callback."""


def write_sequences(events: str, path: Path) -> tuple[int, int, int]:
    """One row a user, items numbered from 0; returns users, items and the longest history."""
    table = pd.read_csv(events).sort_values(["user", "time"], kind="stable")
    table[ITEM], items = pd.factorize(table["item"], sort=True)
    table[USER], users = pd.factorize(table["user"], sort=True)
    rows = table.groupby(USER)[ITEM].agg(list).reset_index()
    rows[SEEN] = rows[ITEM]
    rows.to_parquet(path, index=False)
    return len(users), len(items), int(rows[ITEM].str.len().max())


def schema_of(n_items: int, dim: int) -> TensorSchema:
    """Items are the only feature."""
    source = TensorFeatureSource(FeatureSource.INTERACTIONS, ITEM)
    return TensorSchema(
        [
            TensorFeatureInfo(
                ITEM,
                is_seq=True,
                feature_type=FeatureType.CATEGORICAL,
                embedding_dim=dim,
                padding_value=n_items,
                cardinality=n_items,
                feature_hint=FeatureHint.ITEM_ID,
                feature_sources=[source],
            )
        ]
    )


def main(given: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Train, recommend, and say what it took."""
    imported = peak_mb()
    warnings.filterwarnings("ignore")
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    torch.set_num_threads(given["threads"])
    lightning.seed_everything(0, verbose=False)
    path = folder / "sequences.parquet"
    n_users, n_items, longest = write_sequences(given["events"], path)
    schema, length = schema_of(n_items, given["dim"]), given["length"]
    columns = {USER: {}, ITEM: {"shape": length, "padding": n_items}}
    seen = {SEEN: {"shape": longest, "padding": n_items}}
    data = ParquetModule(
        batch_size={"train": given["batch"], "predict": given["eval_batch"]},
        metadata={
            "train": {ITEM: {"shape": length + 1, "padding": n_items}},
            "predict": {**columns, **seen},
        },
        transforms=make_default_sasrec_transforms(schema),
        train_path=str(path),
        predict_path=str(path),
    )
    model = SasRec.from_params(
        schema=schema,
        embedding_dim=given["dim"],
        num_heads=given["heads"],
        num_blocks=given["layers"],
        max_sequence_length=length,
        dropout=given["dropout"],
    )
    if given["precision"] == "fp32":  # it fails under autocast
        model.body.encoder = LengthBucketedQueryEncoder(model.body.encoder, given["bucket"])
    module = LightningModule(model, OptimizerFactory(learning_rate=given["lr"]))
    clock = Clock()
    same: dict[str, Any] = {
        "accelerator": "cpu",
        "devices": 1,
        "precision": PRECISIONS[given["precision"]],
        "logger": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
    }
    trainer = lightning.Trainer(
        max_epochs=given["epochs"] + 1,
        limit_val_batches=0,
        enable_checkpointing=False,
        callbacks=[clock],
        **same,
    )
    trainer.fit(module, datamodule=data)
    peak = peak_mb()

    def recommend() -> pd.DataFrame:
        filters = [SeenItemsFilter(n_items, SEEN)]
        top = PandasTopItemsCallback(given["k"], USER, ITEM, postprocessors=filters)
        predictor = lightning.Trainer(callbacks=[top], **same)
        predictor.predict(module, datamodule=data, return_predictions=False)
        return top.get_result()

    seconds = fastest(recommend)
    return {
        "epochs": clock.seconds()[1:],
        "imported_mb": imported,
        "peak_mb": peak,
        "recommend_s": seconds,
        "users": n_users,
        "items": n_items,
        "threads": torch.get_num_threads(),
        "precision": given["precision"],
        "versions": {name: version(name) for name in ("replay-rec", "torch", "lightning")},
    }


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        print(json.dumps(main(json.load(sys.stdin), Path(temporary))))
