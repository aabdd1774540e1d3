"""The formats that a model is written in, and how each is run again to be compared."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from seqrec.bundle.bundle import Runner
from seqrec.bundle.manifest import MODELS
from seqrec.bundle.model import Onnx
from seqrec.errors import ConfigError
from seqrec.export.graph import Graph
from seqrec.export.onnx import write_onnx
from seqrec.export.pt2 import run_pt2, write_pt2
from seqrec.export.tensors import run_tensors, write_tensors
from seqrec.facts import EventFacts
from seqrec.home import install


@dataclass(frozen=True)
class Format:
    """A format; :data:`~seqrec.bundle.manifest.MODELS` names its file.

    Args:
        write: writes it for a graph, with facts about event columns, into a folder; returns the
            names of the inputs.
        run: returns what runs the model of a folder; the graph is that of the run, if there is one;
            the number is the width D.
        packages: that it needs beside torch.
    """

    write: Callable[[Graph, Mapping[str, EventFacts], Path], list[str]]
    run: Callable[[Path, Graph | None, int], Runner]
    packages: tuple[str, ...] = ()


FORMATS = {
    "onnx": Format(
        write_onnx,
        lambda folder, graph, dim: Onnx(folder / MODELS["onnx"], dim=dim),
        ("onnx", "onnxscript", "onnxruntime"),
    ),
    "pt2": Format(write_pt2, run_pt2, ("onnx", "onnxscript")),
    "tensors": Format(write_tensors, run_tensors),
}


def format_of(name: str) -> Format:
    """Return a format whose packages are installed.

    Raises:
        ConfigError: there is no such format, or a package is missing.
    """
    if name not in FORMATS:
        raise ConfigError(f"format={name} is unknown", todo=f"choose {', '.join(FORMATS)}")
    for package in FORMATS[name].packages:
        if find_spec(package) is None:
            raise ConfigError(
                f"format={name} needs the package {package}, which isn't installed",
                todo=install("export"),
            )
    return FORMATS[name]
