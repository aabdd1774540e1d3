"""Folders of finished runs whose models were never trained: quick, and as good as any to ask."""

from pathlib import Path

import polars as pl
import torch

from helpers.experiments import root, store_of
from seqrec.config.schema import Root
from seqrec.config.typed import plain_values
from seqrec.experiment.assemble import build_experiment
from seqrec.run.checkpoints import write_checkpoint
from seqrec.run.folder import RunFolder
from seqrec.store.store import SequenceStore


def untrained_run(
    path: Path, *overrides: str, cache: Path, seed: int = 0, scale: float = 5.0
) -> tuple[RunFolder, Root, SequenceStore]:
    """Write what a run of the small data leaves, with random weights.

    Args:
        path: the folder.
        overrides: as on the command line.
        cache: where prepared data lies.
        seed: of the weights.
        scale: of the item vectors, so that scores differ as a trained model's do.
    """
    config = root(*overrides)
    store = store_of(config, cache)
    torch.manual_seed(seed)
    module = build_experiment(config, store)
    with torch.no_grad():
        for name, value in module.model.named_parameters():
            if name.endswith("weight_VD"):
                value.normal_().mul_(scale / value.shape[1] ** 0.5)
    folder = RunFolder(path)
    path.mkdir(parents=True)
    folder.write_config(plain_values(config))
    items = store.items().with_columns(candidate=pl.lit(True), item_events=pl.lit(1))
    folder.write_table("catalogue.parquet", items)
    about = {
        "facts": module.facts.plain(),
        "data_hash": store.data_hash,
        "store": store.folder.name,
    }
    folder.write_json("run.json", about | {"precision": "fp32", "run_id": path.name})
    folder.write_json("metrics.json", {"data_hash": store.data_hash, "protocol": "untrained"})
    folder.checkpoints.mkdir()
    write_checkpoint({"state_dict": module.state_dict(), "seqrec": {}}, folder.best)
    return folder, config, store
