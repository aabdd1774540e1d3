"""Loading of a recommender from the folder of a run."""

from dataclasses import replace
from typing import Any

import polars as pl
import torch

from seqrec.build import build_baseline, build_model, build_reranker
from seqrec.contracts import Facts
from seqrec.errors import RunError
from seqrec.model import BaselineModel, SequenceModel
from seqrec.run.folder import RunFolder


def parts_of(folder: RunFolder) -> dict[str, Any]:
    """Return the arguments of a :class:`~seqrec.recommend.recommender.Recommender`.

    Raises:
        RunError: the folder is damaged, or its configuration names what a run may not.
    """
    config, about = folder.config(), folder.about()
    build = build_model if config.baseline is None else build_baseline
    try:
        facts = Facts.read(about["facts"])
    except ValueError as error:
        raise RunError(f"run.json can't be read: {error}", where=str(folder.path)) from error
    model: SequenceModel | BaselineModel = build(config, facts)
    prefix = "model."
    weights = {
        key.removeprefix(prefix): value
        for key, value in folder.weights().items()
        if key.startswith(prefix)
    }
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise RunError(
            "the checkpoint doesn't fit config.yaml",
            where=str(folder.path),
            todo="restore the config.yaml that the run wrote",
        ) from error
    catalogue = folder.read_table("catalogue.parquet")
    return {
        "model": model,
        "catalogue": catalogue,
        "config": config,
        "data_hash": about["data_hash"],
        "events": facts.events,
        "reranker": build_reranker(config, _with_items(facts, catalogue)),
    }


def _with_items(facts: Facts, catalogue: pl.DataFrame) -> Facts:
    """Add the items of the run's catalogue, and their counts, to the facts."""
    own = ("candidate", "item_events")
    counts = catalogue.get_column("item_events", default=None)
    return replace(
        facts,
        items=lambda: catalogue.drop(own, strict=False),
        item_count_V=None if counts is None else torch.tensor([0, *counts]),
    )
