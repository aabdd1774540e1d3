"""The gate: a bundle is kept only if it answers test users as its run does."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray

from seqrec.bundle.agree import Answers, Compared, answered, compared, joined
from seqrec.bundle.bundle import Bundle
from seqrec.bundle.requests import SIZES, plain, table_of
from seqrec.disk.write import replacing, telling, write_file
from seqrec.errors import RunError
from seqrec.evaluation.slices import kinds_of_events
from seqrec.export.graph import exportable
from seqrec.export.int8 import Listed, judged, listed
from seqrec.export.sample import Part, Sample
from seqrec.recommend.recommender import Recommender
from seqrec.recommend.session import Session

GOLDEN, STORED, WORST = 20, 200, 5
K = 10


@dataclass(frozen=True)
class Gate:
    """What the gate found.

    Args:
        found: the comparison of all requests.
        summary: what ``parity.json`` holds.
        worst: names of the requests that are answered worst.
        sessions: the first requests, of which some travel in the bundle.
        targets: the items that followed.
        run: what the run answered to these.
    """

    found: Compared
    summary: dict[str, Any]
    worst: list[str]
    sessions: list[Session]
    targets: list[int]
    run: Answers


def measure(
    recommender: Recommender,
    bundle: Bundle,
    sample: Sample,
    *,
    events: pl.DataFrame | None,
    tick: Callable[[int], None],
) -> Gate:
    """Ask run and bundle the same, in batches of several sizes, and compare what they answer.

    Args:
        recommender: the run.
        bundle: what was exported from it.
        sample: what to ask.
        events: the test events of the run's ``ranks.parquet``, for slices; None: no slices.
        tick: is told how many requests have been asked.
    """
    found: list[Compared] = []
    int8: list[Listed] = []
    kept: list[tuple[Part, Answers]] = []
    places: list[NDArray[np.int64]] = []
    for part in sample:
        target_B = part.batch.target_B.numpy()
        run, batch = _of_run(recommender, part), bundle.batcher(part.sessions)
        own = answered(bundle, batch, target_B)
        found.append(compared(bundle, run, own))
        if bundle.int8 is not None:
            int8.append(listed(bundle, batch, own.query_BD, own.item_BK, target_B))
        if sum(len(before.sessions) for before, _ in kept) < STORED:
            kept.append((part, run))
        places.append(part.place_B)
        tick(len(part.sessions))
    whole = joined(found)
    lengths = np.unique(np.minimum(sample.view.end - sample.view.start, sample.longest))
    place_R = np.concatenate(places)
    summary = {"passed": whole.agrees, "sizes of batches": SIZES, "lengths": lengths.tolist()}
    summary |= whole.summary()
    if int8:
        summary["int8"] = judged(int8, _slices(events, sample.row_R[place_R]))
        summary["passed"] = whole.agrees and summary["int8"]["passed"]
    return Gate(
        whole,
        summary,
        [sample.name(at) for at in place_R[worst_of(whole)].tolist()],
        [session for part, _ in kept for session in part.sessions],
        [int(item) for part, _ in kept for item in part.batch.target_B],
        Answers(
            np.concatenate([run.query_BD for _, run in kept]),
            np.concatenate([run.item_BK for _, run in kept]),
            np.concatenate([run.rank_B for _, run in kept]),
            [alpha for _, run in kept for alpha in run.attention],
        ),
    )


def write_requests(gate: Gate, recommender: Recommender, folder: Path) -> None:
    """Write ``golden.json``, ``requests.parquet`` and ``parity.json``."""
    chosen = np.linspace(0, len(gate.sessions) - 1, min(GOLDEN, len(gate.sessions))).astype(int)
    golden = [gate.sessions[at] for at in dict.fromkeys(chosen.tolist())]
    answers = recommender.recommend_all(golden, k=K)
    content = [
        {
            "request": plain(session),
            "answer": answer.items.select("item", "score").to_dicts(),
        }
        for session, answer in zip(golden, answers, strict=True)
    ]
    write_file(folder / "golden.json", json.dumps(content, indent=1) + "\n")
    write_file(folder / "parity.json", json.dumps(gate.summary, indent=1) + "\n")
    file = folder / "requests.parquet"
    with telling(file), replacing(file) as part:
        table_of(gate.sessions, gate.targets, gate.run).write_parquet(part)


def check_passed(found: Compared, summary: Mapping[str, Any], names: list[str]) -> None:
    """Refuse a bundle that doesn't answer as its run does.

    Args:
        found: the comparison.
        summary: its figures.
        names: of the worst requests.

    Raises:
        RunError: it doesn't; the message has the worst requests.
    """
    if summary["passed"]:
        return
    if found.agrees:
        raise RunError(
            f"the int8 table changes the lists too much: {json.dumps(summary['int8'])}",
            where="items.int8.npy",
            todo="leave it out: int8=false",
        )
    worst = "".join(
        f"\n    {name}: scores up to {found.score_B[at]:.1e} |q||i| apart, "
        f"{'another list' if found.differs_B[at] else 'the same list'}, "
        f"rank {found.run_B[at]} in the run and {found.bundle_B[at]} in the bundle"
        for name, at in zip(names, worst_of(found).tolist(), strict=True)
    )
    raise RunError(
        f"the bundle doesn't answer as its run does: {int(found.bad.sum()):,} of "
        f"{len(found.score_B):,} requests differ",
        where=f"the worst of them:{worst}",
        todo="a component that behaves otherwise in a graph is at fault: export with another "
        "encoder or head to find which; no bundle was kept",
    )


def worst_of(found: Compared) -> NDArray[np.int64]:
    """Return the numbers of the requests that are answered worst."""
    order = np.argsort(-np.where(found.differs_B, np.inf, found.score_B), kind="stable")
    return order[:WORST]


@torch.no_grad()
def _of_run(recommender: Recommender, part: Part) -> Answers:
    model, policy = exportable(recommender.model), recommender.policy
    query, alpha_BL = model.answer(part.batch.history, policy.candidate_V)
    ranking = policy.rank(
        query, recommender.catalogue, part.batch, k=min(K, len(recommender.items))
    )
    lengths = part.batch.history.length_B.tolist()
    return Answers(
        query.float().numpy(),
        ranking.top_BK.numpy(),
        ranking.rank_B.numpy(),
        [row[:n].float().numpy() for row, n in zip(alpha_BL, lengths, strict=True)],
    )


def _slices(events: pl.DataFrame | None, row_R: NDArray[np.int64]) -> dict[str, NDArray[np.bool_]]:
    """Return which requests belong to each kind of event."""
    if events is None or not len(events) or row_R.max(initial=-1) >= len(events):
        return {}
    known_R = row_R >= 0
    return {kind: member_E[row_R] & known_R for kind, member_E in kinds_of_events(events).items()}
