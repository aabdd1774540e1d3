"""Requests of a log, asked again of two bundles."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from seqrec.bundle import Bundle
from seqrec.bundle.bundle import Given
from seqrec.bundle.requests import ask_again, replay
from seqrec.errors import DataError, RunError
from seqrec.evidence.evidence import Asked, Codes, Floats
from seqrec.feedback import Feedback
from seqrec.recommend.session import Session

BATCH = 64
WARM = 5  # requests before times count


def requests_of(feedback: Feedback, bundles: Sequence[Bundle], *, most: int) -> pl.DataFrame:
    """Return slates whose histories every bundle knows something of, drawn evenly over the log.

    Args:
        feedback: the log.
        bundles: those that will be asked.
        most: how many to return.

    Returns:
        A sample of the slates, in the order of time, with columns request_id, session, time and
        history.
    """
    columns = ("request_id", "session", "time", "history")
    slates = feedback.slates.select(columns).filter(pl.col("history").list.len() > 0)
    events = slates.select("request_id", pl.col("history").alias("item")).explode("item")
    for bundle in bundles:
        known = bundle.catalogue.select("item")
        events = events.join(
            events.join(known, on="item", how="semi").select("request_id").unique(),
            on="request_id",
            how="semi",
        )
    some = slates.join(events.select("request_id").unique(), on="request_id", how="semi")
    if len(some) > most:
        some = some.sample(most, seed=0)
    return some.sort("time", "request_id")


def ask(
    candidate: Bundle,
    live: Bundle,
    requests: pl.DataFrame,
    feedback: Feedback,
    *,
    k: int,
    event: str,
) -> Asked:
    """Ask both bundles again, and look up what the sessions took next.

    Args:
        candidate: the one to judge.
        live: the one to compare with.
        requests: of :func:`requests_of`.
        feedback: the log that they are of.
        k: length of the lists.
        event: what counts as taking an item.
    """
    taken = feedback.outcomes.filter(event=event)
    target = next_of(requests, taken)
    catalogues = [bundle.catalogue.select("item") for bundle in (candidate, live)]
    items = pl.concat([*catalogues, taken.select("item")])["item"].unique(maintain_order=True)
    codes = pl.DataFrame({"item": items, "code": np.arange(len(items))})
    sessions = requests["session"].rank("dense").to_numpy() - 1
    known = live.catalogue.filter("candidate").select("item")
    return Asked(
        ids=items.to_list(),
        session_N=sessions.astype(np.int64),
        length_N=requests["history"].list.len().to_numpy().astype(np.int64),
        target_N=_coded(target, codes),
        candidate_NK=_lists(candidate, requests, codes, k),
        live_NK=_lists(live, requests, codes, k),
        taken_V=_by_item(taken, codes),
        known_V=codes.join(known, on="item", how="left", coalesce=False)["item_right"]
        .is_not_null()
        .to_numpy(),
        pushed_by=pushers(taken, codes),
    )


def elsewhere(asked: Asked, requests: pl.DataFrame, feedback: Feedback, event: str) -> Asked:
    """Return the requests with what sessions took next that they found without a list."""
    taken = feedback.outcomes.filter(pl.col("event") == event, pl.col("request_id").is_null())
    codes = pl.DataFrame({"item": asked.ids, "code": np.arange(len(asked.ids))})
    return replace(asked, target_N=_coded(next_of(requests, taken), codes))


def held_out(candidate: Bundle, live: Bundle, *, k: int) -> Asked | None:
    """Ask both bundles the requests that the candidate carries; None: none that both can answer.

    Their next items were held out of its training.
    """
    if "requests.parquet" not in candidate.manifest["files"]:
        return None
    table = pl.read_parquet(candidate.path / "requests.parquet", columns=["request", "target"])
    sessions = [Session(**json.loads(text)) for text in table["request"]]
    known = [any(live.items.lookup(session.items)) for session in sessions]
    kept = [session for session, is_known in zip(sessions, known, strict=True) if is_known]
    targets = [
        candidate.items.id(int(at))
        for at in table["target"].filter(pl.Series(known, dtype=pl.Boolean))
    ]
    items = pl.concat([bundle.catalogue["item"] for bundle in (candidate, live)])
    codes = pl.DataFrame({"item": items.unique(maintain_order=True)}).with_row_index("code")
    try:
        lists = [
            _lists_of(bundle, [_known_user(each, bundle) for each in kept], codes, k)
            for bundle in (candidate, live)
        ]
    except DataError:  # the live bundle reads other columns of the events
        return None
    size = len(codes)
    return Asked(
        ids=codes["item"].to_list(),
        session_N=np.arange(len(kept)),
        length_N=np.array([len(session.items) for session in kept], dtype=np.int64),
        target_N=_coded(pl.Series(targets, dtype=pl.String), codes),
        candidate_NK=lists[0],
        live_NK=lists[1],
        taken_V=np.zeros(size, dtype=np.int64),
        known_V=np.ones(size, dtype=bool),
    )


def _known_user(session: Session, bundle: Bundle) -> Session:
    """Return the session as of nobody if its user is newer than the bundle."""
    return session if session.user < bundle.manifest["n_users"] else replace(session, user=-1)


def next_of(requests: pl.DataFrame, taken: pl.DataFrame) -> pl.Series:
    """Return the first item that each request's session took after it, null where it took none."""
    after = taken.select("session", "time", pl.col("item").alias("target")).sort("time")
    asked = requests.with_row_index("row").sort("time")
    joined = asked.join_asof(
        after, on="time", by="session", strategy="forward", check_sortedness=False
    )
    return joined.sort("row")["target"]


def pushers(taken: pl.DataFrame, codes: pl.DataFrame, *, most: int = 3) -> dict[int, list[str]]:
    """Return the sessions that took each item most often, by the item's code."""
    counts = (
        taken.group_by("item", "session").len().sort("len", "session", descending=[True, False])
    )
    top = counts.group_by("item", maintain_order=True).agg(pl.col("session").head(most))
    coded = top.join(codes, on="item")
    return dict(zip(coded["code"].to_list(), coded["session"].to_list(), strict=True))


def milliseconds(
    bundles: Mapping[str, Bundle], histories: Sequence[Sequence[str]], *, k: int
) -> dict[str, Floats]:
    """Return the milliseconds of single requests, by the bundle's role.

    Bundles take turns, so what else the computer does slows all of them alike.

    Args:
        bundles: by role.
        histories: the requests; the first few are asked once more before, to warm up.
        k: length of the lists.
    """
    took: dict[str, list[float]] = {role: [] for role in bundles}
    for history in [*histories[:WARM], *histories]:
        for role, bundle in bundles.items():
            begun = time.perf_counter()
            bundle.recommend(history, k=k)
            took[role].append(1000 * (time.perf_counter() - begun))
    return {role: np.array(each[-len(histories) :]) for role, each in took.items()}


def faults_of(bundle: Bundle) -> tuple[str, ...]:
    """Return what is wrong with an opened bundle by the requests that it carries."""
    carried = bundle.manifest["files"]
    faults = [f"it has no {name}" for name in ("golden.json",) if name not in carried]
    try:
        replay(bundle)
        if "requests.parquet" in carried:
            found = ask_again(bundle)
            if not found.agrees:
                faults.append(f"{int(found.bad.sum()):,} of its requests are answered otherwise")
    except RunError as error:
        faults.append(error.what)
    return tuple(faults)


def _lists(bundle: Bundle, requests: pl.DataFrame, codes: pl.DataFrame, k: int) -> Codes:
    """Return what a bundle recommends, in codes; -1 ends a shorter list."""
    return _lists_of(bundle, requests["history"].to_list(), codes, k)


def _lists_of(bundle: Bundle, histories: Sequence[Given], codes: pl.DataFrame, k: int) -> Codes:
    parts = []
    for first in range(0, len(histories), BATCH):
        answers = bundle.recommend_all(histories[first : first + BATCH], k=k)
        parts += [
            answer.items.select("item", "rank", row=pl.lit(first + at, pl.Int64))
            for at, answer in enumerate(answers)
        ]
    list_NK = np.full((len(histories), k), -1)
    if parts:
        table = pl.concat(parts).join(codes, on="item")
        list_NK[table["row"].to_numpy(), table["rank"].to_numpy() - 1] = table["code"].to_numpy()
    return list_NK


def _coded(items: pl.Series, codes: pl.DataFrame) -> Codes:
    table = pl.DataFrame({"item": items.cast(pl.String)})
    found = table.join(codes, on="item", how="left", maintain_order="left")["code"]
    return found.fill_null(-1).to_numpy().astype(np.int64)


def _by_item(taken: pl.DataFrame, codes: pl.DataFrame) -> Codes:
    """Return how many sessions took each item."""
    counts = taken.group_by("item").agg(pl.col("session").n_unique().alias("sessions"))
    found = codes.join(counts, on="item", how="left", maintain_order="left")["sessions"]
    return found.fill_null(0).to_numpy().astype(np.int64)
