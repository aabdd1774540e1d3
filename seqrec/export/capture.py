"""The graph captured by torch with any batch and length, for every format that holds a graph."""

import contextlib
import io
import logging
import warnings
from collections.abc import Mapping
from typing import Any

import torch

from seqrec.export.graph import Graph, dynamic, example, frozen
from seqrec.facts import EventFacts

OUTPUTS = ["query", "attention"]


def captured(graph: Graph, events: Mapping[str, EventFacts]) -> Any:
    """Return the graph as torch's ONNX program, which holds the exported program as well.

    Recurrent networks stay loops of any length only in the exporter's own capture.

    Args:
        graph: the model, in evaluation mode.
        events: facts about event columns.
    """
    graph = Graph(frozen(graph.model)).eval()
    for name in ("torch.onnx", "torch.export", "torch._export"):
        logging.getLogger(name).setLevel(logging.ERROR)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        return torch.onnx.export(
            graph,
            example(events, graph.wanted),
            dynamo=True,
            dynamic_shapes=dynamic(graph.wanted),
            input_names=graph.names,
            output_names=OUTPUTS,
            verbose=False,
        )
