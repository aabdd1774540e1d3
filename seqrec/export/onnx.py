"""The graph as ``model.onnx``, for any runtime of ONNX; item tables lie beside it, once."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from seqrec.export.capture import captured
from seqrec.export.graph import Graph
from seqrec.facts import EventFacts

FILE = "model.onnx"


def write_onnx(graph: Graph, events: Mapping[str, EventFacts], folder: Path) -> list[str]:
    """Write ``model.onnx``, and ``inputs.npy`` where the model reads other vectors than it scores.

    Inputs that the graph doesn't use are left out. The item table isn't stored a second time: the
    graph names a stretch of ``items.npy``, which a runtime maps to memory.

    Args:
        graph: the model, in evaluation mode.
        events: facts about event columns.
        folder: where ``items.npy`` lies.

    Returns:
        The names of its inputs.
    """
    model = captured(graph, events).model
    for value in [each for each in model.graph.inputs if not each.uses()]:
        model.graph.inputs.remove(value)
    _name_axes(model)
    _store_tables(model, folder)
    import onnx_ir

    onnx_ir.save(model, folder / FILE)
    return [value.name for value in model.graph.inputs]


def _name_axes(model: Any) -> None:
    """Call the two free sizes ``batch`` and ``length`` wherever they are told."""
    import onnx_ir

    item = next(value for value in model.graph.inputs if value.name == "item")
    names = {str(axis): name for axis, name in zip(item.shape, ("batch", "length"), strict=True)}
    for value in (*model.graph.inputs, *model.graph.outputs):
        axes = [names.get(str(axis), axis) for axis in value.shape]
        value.shape = onnx_ir.Shape(axes)
    for node in model.graph:
        for value in node.outputs:
            value.shape = None if value not in model.graph.outputs else value.shape


def _store_tables(model: Any, folder: Path) -> None:
    """Replace tables of all items by stretches of files that ``np.load`` reads."""
    table_VD = np.load(folder / "items.npy", mmap_mode="r")
    for value in model.graph.initializers.values():
        shape = tuple(value.const_value.shape)
        if len(shape) != 2 or shape[0] != len(table_VD):
            continue
        own_VD = value.const_value.numpy()
        name = "items.npy"
        if own_VD.dtype != table_VD.dtype or not np.array_equal(own_VD, table_VD):
            name = "inputs.npy"
            if (folder / name).exists():
                continue  # a second one stays in the graph
            np.save(folder / name, own_VD)
        value.const_value = _stretch(folder, name, value)


def _stretch(folder: Path, name: str, value: Any) -> Any:
    import onnx_ir

    array = np.load(folder / name, mmap_mode="r")
    return onnx_ir.ExternalTensor(
        name,
        array.offset,
        array.nbytes,
        dtype=value.const_value.dtype,
        shape=value.const_value.shape,
        name=value.name,
        base_dir=folder,
    )
