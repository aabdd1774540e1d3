"""Graphs that a bundle may hold, and those that it may not."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from seqrec.bundle.model import Onnx
from seqrec.errors import RunError

V, D = 9, 4


def graph(folder, *, table="items.npy", name="item", op="Gather", domain="", width=D):
    """Write a graph whose query is the mean of the items, with its table in a file beside it."""
    np.save(folder / "items.npy", np.arange(V * D, dtype=np.float32).reshape(V, D))
    offset = np.load(folder / "items.npy", mmap_mode="r").offset
    tensor = TensorProto(name="table", data_type=TensorProto.FLOAT, dims=[V, D])
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in {"location": table, "offset": offset, "length": 4 * V * D}.items():
        tensor.external_data.add(key=key, value=str(value))
    of = helper.make_tensor_value_info
    made = helper.make_graph(
        [
            helper.make_node(op, ["table", name], ["x"], domain=domain),
            helper.make_node("ReduceMean", ["x", "axis"], ["query"], keepdims=0),
            helper.make_node("Cast", [name], ["attention"], to=TensorProto.FLOAT),
        ],
        "mean",
        [of(name, TensorProto.INT64, ["batch", "length"])],
        [
            of("query", TensorProto.FLOAT, ["batch", width]),
            of("attention", TensorProto.FLOAT, ["batch", "length"]),
        ],
        [tensor, helper.make_tensor("axis", TensorProto.INT64, [1], [1])],
    )
    opsets = [helper.make_opsetid("", 20), *([helper.make_opsetid(domain, 1)] if domain else [])]
    model = helper.make_model(made, opset_imports=opsets, ir_version=10)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    return folder / "model.onnx"


def test_a_graph_reads_its_table_from_the_array_beside_it(tmp_path):
    run = Onnx(graph(tmp_path), dim=D)
    item_BL = np.array([[1, 2], [0, 8]])
    query_BD, alpha_BL = run({"item": item_BL, "length": np.array([2, 2])})
    np.testing.assert_allclose(query_BD, np.load(tmp_path / "items.npy")[item_BL].mean(1))
    assert alpha_BL.shape == item_BL.shape


@pytest.mark.parametrize(
    "changes",
    [
        {"table": "../secret"},
        {"table": "/etc/hostname"},
        {"op": "Run", "domain": "com.evil"},
        {"name": "password"},
        {"width": D + 1},
    ],
)
def test_a_graph_that_reaches_beyond_its_bundle_is_refused(changes, tmp_path):
    (tmp_path / "secret").write_bytes(bytes(1000))
    folder = tmp_path / "bundle"
    folder.mkdir()
    with pytest.raises(RunError, match=r"model\.onnx"):
        Onnx(graph(folder, **changes), dim=D)


def test_what_is_no_graph_is_refused(tmp_path):
    for content in (b"", b"nothing", onnx.ModelProto().SerializeToString()):
        (tmp_path / "model.onnx").write_bytes(content)
        with pytest.raises(RunError, match=r"model\.onnx"):
            Onnx(tmp_path / "model.onnx", dim=D)
