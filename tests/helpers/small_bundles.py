"""Bundles of a few items, written in milliseconds: a query is the sum of its items' vectors."""

import json
from pathlib import Path

import numpy as np
import onnx
import polars as pl
from onnx import TensorProto as T
from onnx import helper, numpy_helper

from seqrec.export.tables import write_catalogue, write_context
from seqrec.export.write import Described, write_manifest


def vectors(n_items, dim=8, seed=0):
    """Vectors of items 1, 2, ...; row 0 is the padding."""
    table = np.random.default_rng(seed).normal(size=(n_items + 1, dim)).astype(np.float32)
    table[0] = 0
    return table


def write_bundle(
    folder: Path, table, *, ids=None, categories=None, golden=(), held=None, events=None
) -> Path:
    """Write a bundle of an item table, whose items are called i1, i2, ... unless they are named."""
    folder.mkdir(parents=True)
    n = len(table) - 1
    onnx.save(_graph(table), str(folder / "model.onnx"))
    np.save(folder / "items.npy", table)
    ids = ids or [f"i{at}" for at in range(1, n + 1)]
    table_of = pl.DataFrame(
        {
            "index": np.arange(1, n + 1),
            "item": ids,
            "title": [f"Title of {each}" for each in ids],
            "candidate": [True] * n,
            "category": categories or ["even" if at % 2 else "odd" for at in range(n)],
        }
    )
    if events is not None:  # training events of each item
        table_of = table_of.with_columns(pl.Series("item_events", events))
    write_catalogue(table_of, "category", folder)
    write_context({}, (), folder)
    (folder / "golden.json").write_text(json.dumps(list(golden)))
    if held is not None:  # histories and the index of the item that followed each
        requests = [json.dumps({"items": items, "user": 0}) for items, _ in held]
        table_of = pl.DataFrame({"request": requests, "target": [target for _, target in held]})
        table_of.write_parquet(folder / "requests.parquet")
    told = Described(
        run={"name": "small"},
        data={"name": "small", "hash": "0" * 64},
        n_items=n,
        n_users=0 if held is None else 1,
        dim=table.shape[1],
        max_length=20,
        mask_seen=True,
    )
    write_manifest(folder, told, kind="onnx", inputs=["item", "length"])
    return folder


def _graph(table):
    nodes = [
        helper.make_node("Gather", ["table", "item"], ["x"]),
        helper.make_node("ReduceSum", ["x", "one"], ["query"], keepdims=0),
        helper.make_node("Cast", ["item"], ["real"], to=T.FLOAT),
        helper.make_node("Clip", ["real", "low", "high"], ["attention"]),
    ]
    batch_length = ["batch", "length"]
    graph = helper.make_graph(
        nodes,
        "small",
        [
            helper.make_tensor_value_info("item", T.INT64, batch_length),
            helper.make_tensor_value_info("length", T.INT64, ["batch"]),
        ],
        [
            helper.make_tensor_value_info("query", T.FLOAT, ["batch", table.shape[1]]),
            helper.make_tensor_value_info("attention", T.FLOAT, batch_length),
        ],
        [
            numpy_helper.from_array(table, "table"),
            numpy_helper.from_array(np.array([1]), "one"),
            numpy_helper.from_array(np.array(0, np.float32), "low"),
            numpy_helper.from_array(np.array(1, np.float32), "high"),
        ],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)])
    made.ir_version = 10
    onnx.checker.check_model(made)
    return made
