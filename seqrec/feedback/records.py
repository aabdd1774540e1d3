"""The lines of a log: slates, outcomes, lists of a shadow, and sessions to forget."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from seqrec.errors import DataError

SCHEMA: dict[str, Any] = {  # of a log's lines, all kinds together: one table holds them
    "kind": pl.String,  # slate, outcome, shadow or forget
    "time": pl.Int64,
    "session": pl.String,
    "request_id": pl.String,
    "bundle": pl.String,
    "policy": pl.String,  # JSON: its name and parameters
    "filters": pl.String,
    "seed": pl.Int64,
    "history": pl.List(pl.String),
    "candidates": pl.List(pl.String),
    "candidate_scores": pl.List(pl.Float64),
    "items": pl.List(pl.String),
    "scores": pl.List(pl.Float64),
    "propensities": pl.List(pl.Float64),
    "event_id": pl.String,
    "item": pl.String,
    "slot": pl.Int32,
    "event": pl.String,
    "value": pl.Float64,
    "ms": pl.Float64,
    "shown_ms": pl.Float64,
    "failed": pl.String,
}
OF_SHADOW = (
    *("request_id", "time", "session", "bundle", "items", "scores"),
    *("ms", "shown_ms", "failed"),
)
FALLBACK = "fallback"  # the policy of a list that stands in for the model's
OF_SLATE = (
    *("request_id", "time", "session", "bundle", "policy", "filters", "seed", "history"),
    *("candidates", "candidate_scores", "items", "scores", "propensities"),
)
OF_OUTCOME = ("event_id", "time", "session", "request_id", "item", "slot", "event", "value")


def stands_in() -> pl.Expr:
    """Return whether slates stand in for lists that the model didn't give."""
    return pl.col("policy").str.json_path_match("$.name").eq(FALLBACK).fill_null(False)


def now() -> int:
    """Return the time in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, kw_only=True)
class Slate:
    """A list that is about to be shown.

    Args:
        request_id: unique to the answer.
        session: hash of the session, by :class:`~seqrec.feedback.Salt`.
        bundle: sha of the bundle that scored the candidates.
        policy: name and parameters of the policy that chose; :data:`FALLBACK`, its ``source`` and
            ``reason`` for a list that no policy chose, because the model gave no scores.
        history: original ids of the items that the list answers to, oldest first.
        items: original ids of the shown items, from the first slot on.
        scores: of the shown items.
        propensities: conditional, of each slot given those above it; 1 where nothing is drawn.
        candidates: ids that the policy chose from, best first; empty for a policy that doesn't
            explore, of which nothing can be estimated.
        candidate_scores: of the candidates.
        filters: version of the filters that took items away; None: nothing was taken away.
        seed: of the generator that the policy drew from.
        time: in milliseconds since 1970.
    """

    request_id: str
    session: str
    bundle: str
    policy: Mapping[str, Any]
    history: Sequence[str]
    items: Sequence[str]
    scores: Sequence[float]
    propensities: Sequence[float]
    candidates: Sequence[str] = ()
    candidate_scores: Sequence[float] = ()
    filters: str | None = None
    seed: int | None = None
    time: int = field(default_factory=now)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Something that a session did with an item.

    Args:
        event_id: unique; an outcome that comes twice counts once.
        session: hash of the session, by :class:`~seqrec.feedback.Salt`.
        item: original id of the item.
        event: what was done, such as ``click``.
        request_id: of the slate that it answers to; None: it was found elsewhere.
        slot: from 0; None: where the slate shows the item.
        value: what it is worth.
        time: in milliseconds since 1970.
    """

    event_id: str
    session: str
    item: str
    event: str
    request_id: str | None = None
    slot: int | None = None
    value: float = 1.0
    time: int = field(default_factory=now)


@dataclass(frozen=True, kw_only=True)
class Shadowed:
    """The best list of a shadow for a request that another bundle answered; nobody saw it.

    Args:
        request_id: of the slate that was shown.
        session: hash of the session.
        bundle: sha of the shadow.
        items: original ids of its items, best first.
        scores: of the items.
        ms: milliseconds that encoding and searching took.
        shown_ms: those of the bundle that answered.
        failed: why it gave no list; None: it gave one.
        time: in milliseconds since 1970.
    """

    request_id: str
    session: str
    bundle: str
    items: Sequence[str] = ()
    scores: Sequence[float] = ()
    ms: float = 0.0
    shown_ms: float = 0.0
    failed: str | None = None
    time: int = field(default_factory=now)


Line = Slate | Outcome | Shadowed


@dataclass(frozen=True, kw_only=True)
class Forget:
    """A session whose lines until now aren't to be read any more."""

    session: str
    time: int = field(default_factory=now)


ENCODER = json.JSONEncoder(allow_nan=False, separators=(",", ":"), ensure_ascii=False)
KIND = {Slate: "slate", Outcome: "outcome", Shadowed: "shadow", Forget: "forget"}


def line_of(record: Line | Forget) -> bytes:
    """Return a record as one line of JSON.

    Raises:
        DataError: a number in it is infinite or NaN, or it can't be written as JSON.
    """
    content = {"kind": KIND[type(record)], **vars(record)}
    try:
        return ENCODER.encode(content).encode() + b"\n"
    except (ValueError, TypeError, RecursionError) as error:  # a lone surrogate is a ValueError
        raise DataError(
            f"a {content['kind']} can't be logged: {error}",
            where=str(content.get("request_id") or content.get("event_id")),
            todo="give finite numbers and valid texts",
        ) from error
