"""Sessions in original ids to the arrays that a model reads."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqrec.bundle.items import Items
from seqrec.clock import instant
from seqrec.errors import DataError
from seqrec.recommend.session import Session

UNKNOWN_TIME = int(np.iinfo(np.int64).min)
TIME = "timestamp"


@dataclass(frozen=True)
class Batch:
    """B sessions as arrays, padded on the right.

    Args:
        item_BL: int64, the latest items of the catalogue, oldest first; 0 from length_B on.
        length_B: int64, at least 1.
        user_B: int64, -1 where unknown.
        asked_B: int64, the times to recommend for, in milliseconds.
        event: (B, L) by column: int64 codes, 0 where unknown; float32 numbers, NaN where unknown;
            int64 milliseconds.
        seen: of each session, the indices of all its items, int64, increasing.
        unknown: of each session, the ids that the catalogue lacks.
    """

    item_BL: NDArray[np.int64]
    length_B: NDArray[np.int64]
    user_B: NDArray[np.int64]
    asked_B: NDArray[np.int64]
    event: dict[str, NDArray[Any]]
    seen: list[NDArray[np.int64]]
    unknown: list[list[str]]

    def inputs(self, candidate_V: NDArray[np.bool_]) -> dict[str, NDArray[Any]]:
        """Return all that a model may read; items that training never saw are padding."""
        known_BL = candidate_V[self.item_BL]
        return {
            "item": np.where(known_BL, self.item_BL, 0),
            "length": self.length_B,
            "user": self.user_B,
            "asked": self.asked_B,
            **{f"event.{name}": value for name, value in self.event.items()},
        }


class Batcher:
    """Makes batches of sessions.

    Args:
        items: the catalogue.
        max_length: the latest items that a model reads.
        wanted: event columns that it reads.
        columns: what is known of them: ``categories``, or ``mean`` and ``std``, or nothing (times).
        n_users: users that a session may name.
    """

    def __init__(
        self,
        items: Items,
        *,
        max_length: int,
        wanted: Sequence[str],
        columns: Mapping[str, Mapping[str, Any]],
        n_users: int,
    ) -> None:
        self.items, self.max_length, self.n_users = items, max_length, n_users
        self.wanted = tuple(wanted)
        self._code = {
            name: {each: at for at, each in enumerate(columns[name]["categories"], start=1)}
            for name in wanted
            if "categories" in columns[name]
        }

    def __call__(self, sessions: Sequence[Session]) -> Batch:
        """Return a batch of sessions whose ids are texts.

        Raises:
            DataError: the catalogue has none of a session's items, a user is out of range, or the
                model doesn't take this context.
        """
        asked, now = len(sessions), time.time_ns() // 1_000_000
        index = [self.items.lookup(session.items) for session in sessions]  # lists: they are short
        kept = [
            [place for place, at in enumerate(each) if at][-self.max_length :] for each in index
        ]
        for session, places in zip(sessions, kept, strict=True):
            self._check(session, len(places))
        width = max(map(len, kept), default=0)
        item_BL = np.zeros((asked, width), dtype=np.int64)
        event = {name: self._empty(name, item_BL.shape) for name in self.wanted}
        for row, (session, places) in enumerate(zip(sessions, kept, strict=True)):
            item_BL[row, : len(places)] = [index[row][place] for place in places]
            for name, values in session.context.items():
                event[name][row, : len(places)] = self._read(name, [values[at] for at in places])
        return Batch(
            item_BL=item_BL,
            length_B=np.array([len(places) for places in kept], dtype=np.int64),
            user_B=np.array([session.user for session in sessions], dtype=np.int64),
            asked_B=np.array([now if s.asked is None else s.asked for s in sessions], np.int64),
            event=event,
            seen=[np.array(sorted({*each} - {0}), dtype=np.int64) for each in index],
            unknown=[
                [item for item, at in zip(session.items, each, strict=True) if not at]
                for session, each in zip(sessions, index, strict=True)
            ],
        )

    def _check(self, session: Session, known: int) -> None:
        if not known:
            raise DataError(
                f"none of the {len(session.items)} items is in the bundle's catalogue",
                where=f"items={','.join(session.items[:5])}",
                todo=self.items.hint,
            )
        if not -1 <= session.user < self.n_users:
            raise DataError(
                f"user={session.user}: the model knows the users 0 to {self.n_users - 1:,}",
                where="user",
                todo="give -1 for a user that it doesn't know",
            )
        for name, values in session.context.items():
            if name not in self.wanted:
                columns = ", ".join(self.wanted) or "only items"
                raise DataError(
                    f"the model doesn't read {name}; it takes {columns}", where="context"
                )
            if len(values) != len(session.items):
                raise DataError(
                    f"{len(values)} values of {name} for {len(session.items)} items",
                    where="context",
                    todo="give one value per item, null where it is unknown",
                )

    def _empty(self, name: str, shape: tuple[int, int]) -> NDArray[Any]:
        if name == TIME:
            return np.full(shape, UNKNOWN_TIME)
        if name in self._code:
            return np.zeros(shape, dtype=np.int64)
        return np.full(shape, math.nan, dtype=np.float32)

    def _read(self, name: str, values: list[Any]) -> list[Any]:
        """Return the values of a column as a model reads them."""
        if name == TIME:
            return [UNKNOWN_TIME if value is None else _moment(value) for value in values]
        if name in self._code:
            code = self._code[name]
            return [code.get(str(value), 0) for value in values]
        try:
            return [math.nan if value is None else float(value) for value in values]
        except (TypeError, ValueError) as error:
            raise DataError(f"{name}: {error}", where="context") from error


def _moment(value: Any) -> int:
    """Return milliseconds since 1970 as they are, and an ISO time as milliseconds."""
    moment = value if isinstance(value, int) else instant(value, where=TIME)
    assert moment is not None
    return moment
