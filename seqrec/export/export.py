"""From the folder of a run to a bundle."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from seqrec.build import make
from seqrec.bundle.bundle import Bundle
from seqrec.bundle.requests import replay
from seqrec.catalogue import Catalogue
from seqrec.comparison.read.runs import read_ranks
from seqrec.config.schema import Root
from seqrec.config.trust import Trust
from seqrec.errors import ConfigError, RunError
from seqrec.export.card import write_card
from seqrec.export.child import captured_apart
from seqrec.export.formats import format_of
from seqrec.export.gate import check_passed, measure, write_requests
from seqrec.export.graph import Graph, exportable
from seqrec.export.sample import Sample
from seqrec.export.tables import write_catalogue, write_context, write_int8, write_vectors
from seqrec.export.write import Described, check_out, whole, write_manifest
from seqrec.recommend.data import find_data
from seqrec.recommend.recommender import Recommender
from seqrec.run.folder import RunFolder


@dataclass(frozen=True)
class Wanted:
    """What to export, and how to try it.

    Args:
        kind: the format of the model.
        int8: write the item table in int8, too.
        users: test events to compare; None: all of them.
        trust: import and call whatever the run names.
        searchpath: folders of modules that the run may name.
    """

    kind: str = "onnx"
    int8: bool = True
    users: int | None = 1000
    trust: bool = False
    searchpath: Sequence[str] = ()


@dataclass(frozen=True)
class Exported:
    """What was reached.

    Args:
        sha: names the bundle.
        parity: what ``parity.json`` holds.
        bytes: size of each file.
        milliseconds: of one session, from ids to query.
    """

    sha: str
    parity: dict[str, Any]
    bytes: dict[str, int]
    milliseconds: float


def open_run(run: str | Path, wanted: Wanted) -> RunFolder:
    """Open a finished run.

    Raises:
        ConfigError: a format or a package is missing.
        RunError: it isn't a run, or isn't finished.
    """
    format_of(wanted.kind)
    folder = RunFolder.open(run, Trust.given(trust=wanted.trust, searchpath=wanted.searchpath))
    if not folder.finished:
        raise RunError(
            "the run isn't finished: a bundle is of what was tested",
            where=str(folder.path),
            todo="finish it first: its command with resume=auto",
        )
    return folder


def export(
    folder: RunFolder,
    out: Path,
    wanted: Wanted,
    *,
    config: Root,
    begin: Callable[[str, int], None],
    tick: Callable[[int], None],
) -> Exported:
    """Export a run; unless its bundle passes the gate, nothing is left of it.

    Args:
        folder: the run.
        out: the folder to write, which isn't there yet.
        wanted: what to export.
        config: the run's configuration, with the places of its data as they are now.
        begin: is told what begins, and how many steps it has (0: unknown).
        tick: is told how many steps are done.

    Raises:
        ConfigError: `out` exists, or the model can't be exported.
        DataError: the run's data can't be read.
        RunError: the run is damaged, or the bundle doesn't answer as it does.
    """
    check_out(out)
    recommender = Recommender.of(folder)
    model, catalogue = exportable(recommender.model), recommender.catalogue
    assert isinstance(catalogue, Catalogue)
    check_reranker(recommender)
    store = find_data(folder, config)
    test = make(config.split)(store).test
    sample = Sample(store, test, recommender, users=wanted.users)
    with whole(out) as part:
        begin("tables", 0)
        write_vectors(catalogue, part)
        if wanted.int8:
            write_int8(part)
        write_catalogue(folder.read_table("catalogue.parquet"), config.evaluation.category, part)
        context = write_context(recommender.events, model.wanted, part)
        begin("capture", 0)
        inputs = captured_apart(
            folder.path, part, wanted.kind, trust=wanted.trust, searchpath=wanted.searchpath
        )
        told = Described.of(folder, recommender, context)
        write_manifest(part, told, kind=wanted.kind, inputs=inputs)
        begin("gate", len(sample))
        runner = format_of(wanted.kind).run(part, Graph(model).eval(), told.dim)
        bundle = Bundle.open(part, model=runner)
        check_tables(bundle, catalogue)
        gate = measure(recommender, bundle, sample, events=_events(folder, len(test)), tick=tick)
        check_passed(gate.found, gate.summary, gate.worst)
        write_requests(gate, recommender, part)
        write_card(folder, config, gate.summary, part)
        write_manifest(part, told, kind=wanted.kind, inputs=inputs)
        bundle = Bundle.open(part, full=True, model=runner)
        replay(bundle)
        spent = _milliseconds(bundle, gate.sessions)
    sizes = {name: entry["size"] for name, entry in bundle.manifest["files"].items()}
    return Exported(bundle.sha, gate.summary, sizes, spent)


def check_reranker(recommender: Recommender) -> None:
    """Refuse a run whose lists a program of its own reorders.

    Raises:
        ConfigError: it has one.
    """
    reranker = recommender.policy.reranker
    if reranker is not None and reranker.depth:
        raise ConfigError(
            f"{type(reranker).__name__} reorders the lists of this run, and a bundle holds no "
            "programs: its lists would be others",
            where="rerank",
            todo="train with rerank=none, or reorder where the bundle is used",
        )


def check_tables(bundle: Bundle, catalogue: Catalogue) -> None:
    """Check that the tables of a bundle are those that the run scores with.

    Raises:
        RunError: they aren't.
    """
    tables = {"items.npy": (bundle.vectors, catalogue.table_VD)}
    if catalogue.bias_V is not None and bundle.bias is not None:
        tables["bias.npy"] = (bundle.bias, catalogue.bias_V)
    for name, (own, table) in tables.items():
        if not np.array_equal(own, table.detach().float().numpy()):
            finite = np.isfinite(own).all()
            raise RunError(
                f"{name} isn't the run's table" if finite else f"{name} holds NaN or infinity",
                todo="train the run again" if not finite else "export it again",
            )


def _events(folder: RunFolder, n: int) -> Any:
    """Return the run's test events with their kinds; None if they are those of other data.

    Raises:
        RunError: they can't be read.
    """
    events = read_ranks(folder)
    return events if len(events) == n else None


def _milliseconds(bundle: Bundle, sessions: list[Any]) -> float:
    """Return the time of one session from ids to its query; the median of several."""
    spent = []
    for session in sessions[:50]:
        began = time.perf_counter()
        bundle.encode([session])
        spent.append(time.perf_counter() - began)
    return 1000 * float(np.median(spent))
