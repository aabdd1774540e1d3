"""The formats that a model is written in, and how each is run again to be compared."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from seqrec.bundle.bundle import Runner
from seqrec.bundle.model import Onnx
from seqrec.contracts import EventFacts
from seqrec.export.graph import Graph
from seqrec.export.onnx import write_onnx


@dataclass(frozen=True)
class Format:
    """A format.

    Args:
        file: the file of the model.
        write: writes it for a graph, with facts about event columns, into a folder; returns the
            names of the inputs.
        run: returns what runs the file of a folder.
    """

    file: str
    write: Callable[[Graph, Mapping[str, EventFacts], Path], list[str]]
    run: Callable[[Path], Runner]


FORMATS = {
    "onnx": Format("model.onnx", write_onnx, lambda folder: Onnx(folder / "model.onnx")),
}
