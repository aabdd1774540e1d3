"""Products of a table of bytes with queries of bytes, by onnxruntime's integer kernels.

NumPy has no such product. A model of one node, ``MatMulInteger``, holds a block of the table in the
order that the processor's instructions read (VNNI where there are), which is several times as fast
as float32 for a lone query and for many. The model is written here field by field, in the wire
format of Protocol Buffers, because the package ``onnx`` isn't part of a server.
"""

import numpy as np
import onnxruntime
from numpy.typing import NDArray

ZERO = 64  # the byte of a query that stands for 0: from 1 to 127, sums of two products fit 16 bits
UINT8, INT8, INT32 = 2, 3, 6  # element types of ONNX
IR_VERSION, OPSET = 8, 17


class Products:
    """The products of queries with a block of items: ``products(query_BD) -> (B, W)``, int32.

    A query's bytes are from 1 to 127, and :data:`ZERO` stands for 0, so that no processor's
    instructions overflow on the way.

    Args:
        code_WD: int8, the items' rows, of which the model keeps a copy.
    """

    def __init__(self, code_WD: NDArray[np.int8]) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = False
        self._session = onnxruntime.InferenceSession(
            _model(code_WD), options, providers=["CPUExecutionProvider"]
        )

    def __call__(self, query_BD: NDArray[np.uint8]) -> NDArray[np.int32]:
        """Return ``(query - ZERO) . code`` of each query and item."""
        product_BW: NDArray[np.int32] = self._session.run(None, {"query": query_BD})[0]
        return product_BW


def _model(code_WD: NDArray[np.int8]) -> bytes:
    """Write a ``ModelProto``; the numbers of its fields are those of onnx.proto."""
    width, columns = code_WD.shape
    node = _part(
        1, *(_part(1, name) for name in (b"query", b"code", b"zero")), _part(2, b"product"),
        _part(4, b"MatMulInteger"),
    )  # fmt: skip
    code = _part(
        5, _number(1, columns), _number(1, width), _number(2, INT8), _part(8, b"code"),
        _part(9, np.ascontiguousarray(code_WD.T).tobytes()),
    )  # fmt: skip
    zero = _part(5, _number(2, UINT8), _part(8, b"zero"), _part(9, bytes([ZERO])))
    query, product = _value(11, b"query", UINT8, columns), _value(12, b"product", INT32, width)
    graph = _part(7, node, _part(2, b"products"), code, zero, query, product)
    return _number(1, IR_VERSION) + graph + _part(8, _number(2, OPSET))


def _value(field: int, name: bytes, element: int, columns: int) -> bytes:
    """Write a ``ValueInfoProto`` of a matrix with any number of rows."""
    shape = _part(2, _part(1, _part(2, b"rows")), _part(1, _number(1, columns)))
    return _part(field, _part(1, name), _part(2, _part(1, _number(1, element), shape)))


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _part(field: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    written = bytearray()
    while value > 127:
        written.append(value & 127 | 128)
        value >>= 7
    return bytes([*written, value])
