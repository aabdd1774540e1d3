"""The weights alone as ``model.npz``, for a program that has a model of its own."""

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from seqrec.bundle.bundle import Runner
from seqrec.bundle.manifest import damaged
from seqrec.disk.write import replacing, telling
from seqrec.errors import ConfigError
from seqrec.export.graph import Graph
from seqrec.facts import EventFacts

FILE = "model.npz"


def write_tensors(graph: Graph, events: Mapping[str, EventFacts], folder: Path) -> list[str]:
    """Write ``model.npz``: the weights by the names that they have in the run's checkpoint."""
    arrays = {name: value.cpu().numpy() for name, value in graph.state_dict().items()}
    with telling(folder / FILE), replacing(folder / FILE) as part, part.open("wb") as stream:
        np.savez(stream, allow_pickle=False, **arrays)
    return graph.names


def run_tensors(folder: Path, graph: Graph | None, dim: int) -> Runner:
    """Return what runs the weights of a folder in the model of `graph`.

    Raises:
        ConfigError: no model is given.
        RunError: the weights can't be read, or are those of another model.
    """
    if graph is None:
        raise ConfigError(
            "the bundle holds weights without a graph, so only its run can be asked",
            where=str(folder / FILE),
            todo="export the run again, which compares them, or use format=onnx",
        )
    graph = copy.deepcopy(graph)  # whoever compares it keeps its own weights
    try:
        with np.load(folder / FILE, allow_pickle=False) as arrays:
            graph.load_state_dict({name: torch.from_numpy(arrays[name]) for name in arrays})
    except (OSError, ValueError, RuntimeError) as error:
        raise damaged(folder, FILE, error) from error
    names = graph.names

    def run(inputs: Mapping[str, NDArray[Any]]) -> tuple[NDArray[Any], NDArray[Any]]:
        given = [torch.from_numpy(np.ascontiguousarray(inputs[name])) for name in names]
        with torch.no_grad():
            query_BD, alpha_BL = graph(*given[:4], tuple(given[4:]))
        return query_BD.numpy(), alpha_BL.numpy()

    return run
