"""Conversion of sessions to a model's input."""

import math
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from seqrec.clock import instant
from seqrec.errors import DataError
from seqrec.facts import EventFacts
from seqrec.recommend.session import Session
from seqrec.shapes import UNKNOWN_TIME, EvalBatch, History


def batch_of(
    sessions: Sequence[Session],
    kept: Sequence[list[int]],
    *,
    index: Mapping[str, int],
    wanted: Sequence[str],
    events: Mapping[str, EventFacts],
    max_length: int,
) -> EvalBatch:
    """Collate sessions into a batch; their latest items stand in for the unknown targets.

    Args:
        sessions: the sessions.
        kept: of each, the positions of items that `index` has, ascending; the model reads the last
            `max_length` of them, and all were seen.
        index: index in the catalogue of each item, by original id.
        wanted: event columns that the model reads.
        events: facts about the data's event columns, by name.
        max_length: events that the model reads.

    Raises:
        DataError: the model doesn't take this context.
    """
    history = _joined(
        [
            _history_of(session, at[-max_length:], index=index, wanted=wanted, events=events)
            for session, at in zip(sessions, kept, strict=True)
        ]
    )
    seen = [
        sorted({index[session.items[each]] for each in at})
        for session, at in zip(sessions, kept, strict=True)
    ]
    row_B = torch.arange(len(seen))
    return EvalBatch(
        history=history,
        event_B=row_B,
        target_B=history.item_BL[row_B, history.length_B - 1],
        rating_B=None,
        seen_row_P=row_B.repeat_interleave(torch.tensor([len(items) for items in seen])),
        seen_item_P=torch.tensor([item for items in seen for item in items]),
    )


def _history_of(
    session: Session,
    kept: list[int],
    *,
    index: Mapping[str, int],
    wanted: Sequence[str],
    events: Mapping[str, EventFacts],
) -> History:
    """Convert the events of one session at the positions `kept`; see :func:`batch_of`."""
    for name, values in session.context.items():
        if name not in wanted:
            columns = ", ".join(wanted) or "only items"
            raise DataError(f"the model doesn't read {name}; it takes {columns}", where="context")
        if len(values) != len(session.items):
            raise DataError(
                f"{len(values)} values of {name} for {len(session.items)} items",
                where="context",
                todo="give one value per item, null where it is unknown",
            )
    return History(
        item_BL=torch.tensor([[index[session.items[at]] for at in kept]]),
        length_B=torch.tensor([len(kept)]),
        user_B=torch.tensor([session.user]),
        event={name: _event(name, session.context.get(name), kept, events) for name in wanted},
        asked_B=torch.tensor([now() if session.asked is None else session.asked]),
    )


def _joined(histories: Sequence[History]) -> History:
    """Join histories of one row each, padded on the right with unknown values."""

    def padded(rows: Iterable[Tensor], value: float) -> Tensor:
        return pad_sequence([row[0] for row in rows], batch_first=True, padding_value=value)

    first, asked = histories[0], [history.asked_B for history in histories]
    unknown = {
        name: UNKNOWN_TIME if name == "timestamp" else math.nan if v.is_floating_point() else 0
        for name, v in first.event.items()
    }
    return History(
        item_BL=padded((history.item_BL for history in histories), 0),
        length_B=torch.cat([history.length_B for history in histories]),
        user_B=torch.cat([history.user_B for history in histories]),
        event={n: padded((h.event[n] for h in histories), v) for n, v in unknown.items()},
        asked_B=torch.cat([at for at in asked if at is not None]),
    )


def _event(
    name: str,
    values: Sequence[Any] | None,
    kept: list[int],
    events: Mapping[str, EventFacts],
) -> Tensor:
    """Convert an event column of a session to a tensor, (1, L)."""
    given = [None if values is None else values[at] for at in kept]
    if name == "timestamp":
        return torch.tensor([[UNKNOWN_TIME if v is None else _moment(v) for v in given]])
    names = events[name].categories
    if names is not None:
        code = {name: at for at, name in enumerate(names, start=1)}
        return torch.tensor([[code.get(str(value), 0) for value in given]])
    try:
        return torch.tensor([[math.nan if v is None else float(v) for v in given]])
    except ValueError as error:
        raise DataError(f"{name}: {error}", where="context") from error


def asked_at(batch: EvalBatch, asked: int | None) -> EvalBatch:
    """Return the batch with the time of the recommendation set, None being now, if it has one."""
    history = batch.history
    if history.asked_B is None:
        return batch
    asked_B = torch.full_like(history.asked_B, now() if asked is None else asked)
    return replace(batch, history=replace(history, asked_B=asked_B))


def now() -> int:
    """Return the current time in milliseconds since 1970 UTC."""
    return time.time_ns() // 1_000_000


def _moment(value: Any) -> int:
    """Convert an ISO time, or milliseconds as they are, to milliseconds since 1970 UTC."""
    if isinstance(value, int):
        return value
    moment = instant(value, where="timestamp")
    assert moment is not None
    return moment
