"""Requests that travel in a bundle with their answers, and are asked again wherever it goes."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np
import polars as pl
from polars.exceptions import PanicException, PolarsError

from seqrec.bundle.agree import Answers, Compared, answered, compared, joined
from seqrec.bundle.bundle import Bundle
from seqrec.bundle.manifest import damaged
from seqrec.errors import RunError
from seqrec.recommend.arguments import session_of
from seqrec.recommend.session import Session

SIZES = (1, 2, 17, 64)  # of batches, in turn
GOLDEN = 1e-4  # of the largest score of a golden list
ANSWER = {"item": pl.String, "score": pl.Float64}


def plain(session: Session) -> dict[str, Any]:
    """Return a session as values fit for JSON."""
    return asdict(session)


def replay(bundle: Bundle) -> int:
    """Ask the golden requests again; return how many there are.

    Raises:
        RunError: the bundle answers one of them otherwise than its run did.
    """
    if "golden.json" not in bundle.manifest["files"]:
        return 0
    try:
        golden = json.loads((bundle.path / "golden.json").read_bytes())
        sessions = [session_of(Session(**each["request"])) for each in golden]
        lists = [pl.DataFrame(each["answer"], schema=ANSWER) for each in golden]
    except (OSError, ValueError, LookupError, TypeError, PolarsError) as error:
        raise damaged(bundle.path, "golden.json", error) from error
    for number, (session, wanted) in enumerate(zip(sessions, lists, strict=True), start=1):
        given = bundle.recommend(session, k=max(1, len(wanted))).items
        if not _same(given, wanted):
            raise RunError(
                f"the bundle answers golden request {number} otherwise than its run did",
                where=f"{', '.join(given['item'][:5])} instead of {', '.join(wanted['item'][:5])}",
                todo="use the version of onnxruntime that it was exported with "
                f"({bundle.manifest['versions'].get('onnxruntime')}), or export the run again",
            )
    return len(golden)


def _same(given: pl.DataFrame, wanted: pl.DataFrame) -> bool:
    """Return whether two lists are the same, but for scores within rounding and the order of ties.

    The last item may be another one that ties with it.
    """
    if len(given) != len(wanted):
        return False
    score_K = wanted["score"].to_numpy()
    near = GOLDEN * np.abs(score_K).max(initial=0.0)
    gap_K = np.abs(np.diff(score_K, prepend=np.inf, append=score_K[-1:]))
    tied_K = np.minimum(gap_K[:-1], gap_K[1:]) <= near
    unlike_K = (given["item"] != wanted["item"]).to_numpy()
    apart = np.abs(given["score"].to_numpy() - score_K).max(initial=0.0)
    return bool(apart <= near and not (unlike_K & ~tied_K).any())


def table_of(sessions: list[Session], targets: list[int], run: Answers) -> pl.DataFrame:
    """Return requests with the answers of the run, for ``requests.parquet``."""
    return pl.DataFrame(
        {
            "request": [json.dumps(plain(session)) for session in sessions],
            "target": pl.Series(targets, dtype=pl.Int64),
            "rank": run.rank_B,
            "items": run.item_BK.tolist(),
            "query": run.query_BD.astype(np.float32).tolist(),
            "attention": [alpha.astype(np.float32).tolist() for alpha in run.attention],
        },
        schema_overrides={
            "items": pl.List(pl.Int64),
            "query": pl.List(pl.Float32),
            "attention": pl.List(pl.Float32),
        },
    )


def ask_again(bundle: Bundle) -> Compared:
    """Ask the stored requests in batches of several sizes, and compare the answers.

    Raises:
        RunError: the bundle has none, or they can't be read.
    """
    name = "requests.parquet"
    if name not in bundle.manifest["files"]:
        raise damaged(bundle.path, name, "it has no requests to compare answers with")
    try:
        table = pl.read_parquet(bundle.path / name)
        requests = [json.loads(text) for text in table["request"]]
        sessions = [session_of(Session(**request)) for request in requests]
        parts = [_part(bundle, sessions, table, at) for at in parts_of(len(table))]
    except (OSError, ValueError, TypeError, LookupError, PolarsError, PanicException) as error:
        raise damaged(bundle.path, name, error) from error
    return joined(parts)


def parts_of(n: int) -> Iterator[slice]:
    """Yield stretches of `n` requests, of 1, 2, 17 and 64 in turn."""
    first = turn = 0
    while first < n:
        size = SIZES[turn % len(SIZES)]
        yield slice(first, min(n, first + size))
        first, turn = first + size, turn + 1


def _part(bundle: Bundle, sessions: list[Session], table: pl.DataFrame, at: slice) -> Compared:
    rows = table[at]
    run = Answers(
        np.array(rows["query"].to_list(), dtype=np.float32),
        np.array(rows["items"].to_list(), dtype=np.int64),
        rows["rank"].to_numpy(),
        [np.array(alpha, dtype=np.float32) for alpha in rows["attention"].to_list()],
    )
    own = answered(bundle, bundle.batcher(sessions[at]), rows["target"].to_numpy())
    return compared(bundle, run, own)
