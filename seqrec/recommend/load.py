"""Loading of a recommender from the folder of a run."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch

from seqrec.adapter import read_adapter
from seqrec.build import build_reranker
from seqrec.config.saved import MEND
from seqrec.config.schema import Root
from seqrec.errors import RunError
from seqrec.facts import Facts
from seqrec.recommend.built import built_from, built_model, facts_of
from seqrec.run.audited import weights_hash
from seqrec.run.folder import RunFolder


def parts_of(folder: RunFolder, adapter: Path | None = None) -> dict[str, Any]:
    """Return the arguments of a :class:`~seqrec.recommend.recommender.Recommender`.

    Args:
        folder: that of the run.
        adapter: the file of an adapter that was trained from this run; None: the run as it is.

    Raises:
        RunError: the folder is damaged, its configuration or the adapter's names what it may not,
            or the adapter is one of another run or other items.
    """
    config, about = folder.config(), folder.about()
    trained, config = ({}, config) if adapter is None else _adapted(folder, config, adapter)
    facts = facts_of(folder)
    model = built_model(folder, config, facts)
    prefix = "model."
    weights = {
        key.removeprefix(prefix): value
        for key, value in folder.weights().items()
        if key.startswith(prefix)
    }
    load_weights(model, weights, folder)
    if trained:
        load_weights(model, model.state_dict() | trained, folder)
    catalogue = read_catalogue(folder, facts)
    with built_from(folder):
        reranker = build_reranker(config, _with_items(facts, catalogue))
    return {
        "model": model,
        "catalogue": catalogue,
        "config": config,
        "data_hash": about["data_hash"],
        "events": facts.events,
        "reranker": reranker,
    }


def _adapted(folder: RunFolder, config: Root, file: Path) -> tuple[dict[str, torch.Tensor], Root]:
    """Return what an adapter trained, and the configuration of the run with this adapter."""
    trained, node, base = read_adapter(file)
    folder.trust.check({"adapter": node}, file)
    if base["weights"] != weights_hash(folder):
        raise RunError(
            f"the adapter was trained from another run, {base.get('run')}",
            where=str(file),
            todo="name that run, or the adapter's own folder",
        )
    return trained, replace(config, adapter=node)


def load_weights(
    module: torch.nn.Module, weights: dict[str, torch.Tensor], folder: RunFolder
) -> None:
    """Load the weights of a run's checkpoint.

    Raises:
        RunError: they are those of another model.
    """
    try:
        module.load_state_dict(weights)
    except (RuntimeError, TypeError, AttributeError) as error:
        raise RunError(
            "the weights don't fit config.yaml",
            where=str(folder.path),
            todo="restore the config.yaml that the run wrote; an adapter that trained a table of "
            "other items is loaded from its own folder",
        ) from error


def read_catalogue(folder: RunFolder, facts: Facts) -> pl.DataFrame:
    """Read what the model's item ids mean.

    Raises:
        RunError: it is damaged, or isn't the catalogue of this model.
    """
    catalogue = folder.read_table("catalogue.parquet")
    texts = (pl.String, pl.Null)
    index = catalogue.get_column("index", default=pl.Series(["none"]))
    if (
        not np.array_equal(index.to_numpy(), np.arange(1, facts.n_items + 1))
        or catalogue.schema.get("item") != pl.String
        or catalogue.schema.get("title") not in texts
        or catalogue["item"].null_count()
    ):
        raise RunError(
            f"catalogue.parquet isn't that of this model, which has {facts.n_items:,} items",
            where=str(folder.path),
            todo=MEND,
        )
    return catalogue


def _with_items(facts: Facts, catalogue: pl.DataFrame) -> Facts:
    """Add the items of the run's catalogue, and their counts, to the facts."""
    own = ("candidate", "item_events")
    counts = catalogue.get_column("item_events", default=None)
    return replace(
        facts,
        items=lambda: catalogue.drop(own, strict=False),
        item_count_V=None if counts is None else torch.tensor([0, *counts]),
    )
