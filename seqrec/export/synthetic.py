"""Bundles of any size with random weights, to measure how fast they answer."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import polars as pl
import torch

from seqrec.catalogue import Catalogue
from seqrec.embedding.id import IdEmbedding
from seqrec.encoder.lstm import LSTM
from seqrec.export.formats import FORMATS
from seqrec.export.graph import Graph
from seqrec.export.tables import write_catalogue, write_context, write_int8, write_vectors
from seqrec.export.write import Described, check_out, whole, write_manifest
from seqrec.head.additive import Additive
from seqrec.model import SequenceModel
from seqrec.scorer.tied import Tied

CATEGORIES = 50


def synthetic_bundle(
    out: Path, *, n_items: int, dim: int = 64, max_length: int = 50, seed: int = 0
) -> None:
    """Write a bundle of an untrained ``lstm_attn``, whose items are called ``i1``, ``i2``, ...

    Each item has one of fifty categories. The bundle has no golden requests, because there is no
    run to compare it with.

    Args:
        out: the folder to write, which isn't there yet.
        n_items: items V - 1; a million takes about a gigabyte of memory for some seconds.
        dim: width D.
        max_length: longest history.
        seed: of the weights.

    Raises:
        ConfigError: `out` exists.
    """
    check_out(out)
    spawn = multiprocessing.get_context("spawn")
    with whole(out) as part, ProcessPoolExecutor(max_workers=1, mp_context=spawn) as pool:
        pool.submit(_write, part, n_items, dim, max_length, seed).result()


def _write(folder: Path, n_items: int, dim: int, max_length: int, seed: int) -> None:
    torch.manual_seed(seed)
    model = SequenceModel(
        embedding=IdEmbedding(n_items=n_items, sparse=False, dim=dim),
        encoder=LSTM(dim=dim),
        head=Additive(dim=dim),
        scorer=Tied(n_items=n_items, sparse=False),
    ).eval()
    catalogue = model.catalogue()
    assert isinstance(catalogue, Catalogue)
    write_vectors(catalogue, folder)
    write_int8(folder)
    number = pl.int_range(1, n_items + 1, eager=True)
    table = pl.DataFrame({"index": number}).with_columns(
        item=pl.format("i{}", "index"),
        title=pl.format("Item {}", "index"),
        candidate=pl.lit(True),
        category=pl.format("category {}", pl.col("index") % CATEGORIES),
    )
    write_catalogue(table, "category", folder)
    told = Described(
        run={"name": f"synthetic, {n_items:,} items"},
        data={"name": "synthetic", "hash": f"seed {seed}"},
        n_items=n_items,
        n_users=0,
        dim=dim,
        max_length=max_length,
        mask_seen=True,
        context=write_context({}, (), folder),
    )
    inputs = FORMATS["onnx"].write(Graph(model), {}, folder)
    write_manifest(folder, told, kind="onnx", inputs=inputs)
