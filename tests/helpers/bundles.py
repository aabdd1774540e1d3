"""Bundles made in this process: their model is run by torch, so that none is captured.

What a captured graph answers is held to its module in ``programs/test_exporting.py`` and by
``helpers/cells.py``.
"""

from pathlib import Path

import polars as pl
import torch

from helpers.experiments import root
from seqrec.build import build_model
from seqrec.bundle import Bundle
from seqrec.export.graph import Graph, exportable
from seqrec.export.tables import write_catalogue, write_context, write_int8, write_vectors
from seqrec.export.tensors import run_tensors, write_tensors
from seqrec.export.write import Described, write_manifest
from seqrec.facts import EventFacts, Facts
from seqrec.recommend import Recommender

ITEMS = 30
EVENTS = {
    "timestamp": EventFacts(),
    "dwell": EventFacts(mean=1.0, std=2.0),
    "device": EventFacts(categories=["phone", "tablet"]),
}


def recommender(*overrides: str) -> Recommender:
    """An untrained model over 30 items, of which training never saw i29; i7 has no title."""
    torch.manual_seed(2)
    config = root("batch.eval_size=3", *overrides)
    events = EVENTS if config.context else {}
    catalogue = pl.DataFrame(
        {
            "index": range(1, ITEMS + 1),
            "item": [f"i{n}" for n in range(ITEMS)],
            "title": [None if n == 7 else f"title {n} é" for n in range(ITEMS)],
            "candidate": [n != 29 for n in range(ITEMS)],
            "kind": [[f"k{n % 3}", f"k{n % 2}"][: n % 3] for n in range(ITEMS)],
        }
    )
    model = build_model(config, Facts(n_items=ITEMS, n_users=5, events=events))
    for value in model.parameters():  # context and biases are zero at first
        torch.nn.init.normal_(value, std=0.3)
    with torch.no_grad():
        model.embedding.table()[0] = 0
    return Recommender(
        model=model, catalogue=catalogue, config=config, data_hash="abc", events=events
    )


def write(asks: Recommender, folder: Path) -> Path:
    """Write what answers as `asks` does, without proof."""
    folder.mkdir()
    model, catalogue = exportable(asks.model), asks.catalogue
    write_vectors(catalogue, folder)
    write_int8(folder)
    titles = asks.items.titles
    table = pl.DataFrame(
        {
            "index": range(1, ITEMS + 1),
            "item": asks.items.ids,
            "title": [None if t == i else t for t, i in zip(titles, asks.items.ids, strict=True)],
            "candidate": asks.policy.candidate_V[1:].numpy(),
            "kind": [[f"k{n % 3}", f"k{n % 2}"][: n % 3] for n in range(ITEMS)],
        }
    )
    write_catalogue(table, "kind", folder)
    told = Described(
        run={"name": "small"},
        data={"name": "small", "hash": asks.data_hash},
        n_items=ITEMS,
        n_users=5,
        dim=catalogue.table_VD.shape[1],
        max_length=asks.config.max_length,
        mask_seen=asks.policy.mask_seen,
        wanted=model.wanted,
        context=write_context(asks.events, model.wanted, folder),
    )
    inputs = write_tensors(Graph(model), asks.events, folder)
    write_manifest(folder, told, kind="tensors", inputs=inputs)
    return folder


def opened(asks: Recommender, folder: Path) -> Bundle:
    """Open a bundle that :func:`write` wrote."""
    graph = Graph(exportable(asks.model)).eval()
    return Bundle.open(folder, model=run_tensors(folder, graph, 0))
