"""Capturing a model in a process of its own.

What torch captured before can make a later capture fail, or freeze the length of the example into
it. A fresh interpreter has captured nothing.
"""

import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from seqrec.config.trust import Trust
from seqrec.errors import RunError
from seqrec.export.formats import FORMATS
from seqrec.export.graph import Graph, exportable, frozen
from seqrec.recommend.recommender import Recommender
from seqrec.run.folder import RunFolder


def captured_apart(
    run: Path, folder: Path, kind: str, *, trust: bool, searchpath: Sequence[str]
) -> list[str]:
    """Write the model of a run in a format, in a new process; return the names of its inputs.

    Args:
        run: the folder of the run.
        folder: the bundle, with its tables.
        kind: one of :data:`~seqrec.export.formats.FORMATS`.
        trust: see :class:`~seqrec.config.trust.Trust`.
        searchpath: likewise.

    Raises:
        RunError: the model can't be captured, or the process was killed.
    """
    spawn = multiprocessing.get_context("spawn")
    try:
        with ProcessPoolExecutor(max_workers=1, mp_context=spawn) as pool:
            return pool.submit(_captured, run, folder, kind, trust, tuple(searchpath)).result()
    except BrokenProcessPool as error:
        raise RunError(
            "the process that captures the model was killed, perhaps for lack of memory",
            where=str(run),
            todo="free some memory and type the same command again",
        ) from error


def _captured(
    run: Path, folder: Path, kind: str, trust: bool, searchpath: tuple[str, ...]
) -> list[str]:
    opened = RunFolder.open(run, Trust.given(trust=trust, searchpath=searchpath))
    recommender = Recommender.of(opened)
    graph = Graph(frozen(exportable(recommender.model))).eval()
    try:
        return FORMATS[kind].write(graph, recommender.events, folder)
    except Exception as error:  # of torch's exporter, whose errors have many kinds
        if isinstance(error, OSError | MemoryError):
            raise
        words = " ".join(str(error).split())[:300] or type(error).__name__
        raise RunError(
            f"the model can't be captured as {FORMATS[kind].file}: {words}",
            where=str(run),
            todo="a component of your own has to work with any batch and length; "
            "format=tensors exports weights alone",
        ) from None
