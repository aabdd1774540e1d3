"""The graph as ``model.pt2``, for programs that have torch: an archive without pickles."""

import json
import logging
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from seqrec.bundle.bundle import Runner
from seqrec.bundle.manifest import damaged
from seqrec.disk.write import replacing, telling
from seqrec.export.capture import captured
from seqrec.export.graph import Graph
from seqrec.facts import EventFacts

FILE = "model.pt2"
MEMBER = re.compile(
    r"[^/]+/(data/(weights|constants)/(\w+|model_\w+_config\.json)|models/model\.json"
    r"|data/sample_inputs/model\.pt|archive_(format|version)|\.data/\w+|byteorder)"
)


def write_pt2(graph: Graph, events: Mapping[str, EventFacts], folder: Path) -> list[str]:
    """Write ``model.pt2``, which ``torch.export.load`` reads; return the names of its inputs."""
    program = captured(graph, events).exported_program
    program._example_inputs = None  # they alone would be pickled
    file = folder / FILE
    with telling(file), replacing(file) as part, part.open("wb") as stream:
        torch.export.save(program, stream)
    check_archive(file)
    return graph.names


def run_pt2(folder: Path, graph: Graph | None, dim: int) -> Runner:
    """Return what runs the archive of a folder.

    Raises:
        RunError: it can't be loaded, or holds what isn't a graph or a tensor.
    """
    check_archive(folder / FILE)
    logging.getLogger("torch._export").setLevel(logging.ERROR)
    try:
        module = torch.export.load(folder / FILE).module()
    except Exception as error:  # of torch, whose errors have many kinds
        raise damaged(folder, FILE, error) from error

    def run(inputs: Mapping[str, NDArray[Any]]) -> tuple[NDArray[Any], NDArray[Any]]:
        given = {name: torch.from_numpy(np.ascontiguousarray(v)) for name, v in inputs.items()}
        events = tuple(v for name, v in given.items() if name.startswith("event."))
        with torch.no_grad():
            query_BD, alpha_BL = module(
                given["item"], given["length"], given["user"], given["asked"], events
            )
        return query_BD.numpy(), alpha_BL.numpy()

    return run


def check_archive(file: Path) -> None:
    """Refuse an archive with pickles or programs, which torch would run while loading it.

    Raises:
        RunError: it has some, or can't be read.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            for member in archive.infolist():
                pickled = member.filename.endswith(".pt") and member.file_size > 0
                if pickled or not MEMBER.fullmatch(member.filename):
                    raise ValueError(f"it holds {member.filename}, which isn't a tensor")
                if member.filename.endswith("_config.json"):
                    entries = json.loads(archive.read(member))["config"].values()
                    if any(entry["use_pickle"] for entry in entries):
                        raise ValueError("it holds a pickle")
    except (OSError, ValueError, LookupError, AttributeError, zipfile.BadZipFile) as error:
        raise damaged(file.parent, file.name, error) from error
