"""Test events as sessions in original ids, as a user of the bundle would ask."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from seqrec.batches import EvalBatches
from seqrec.bundle.requests import parts_of
from seqrec.columns import Columns, event_column
from seqrec.recommend.recommender import Recommender
from seqrec.recommend.session import Session
from seqrec.shapes import EvalBatch
from seqrec.store.files import Values
from seqrec.store.store import SequenceStore
from seqrec.store.views import View

NAMES = ("user", "start", "end")
LENGTHS = (1, 2, 7, 49, 50)  # asked for besides those that the events have; 7 is the example's
LONGEST = 64  # histories that are cut to each of these lengths


@dataclass(frozen=True)
class Part:
    """A batch of test events, for the run and for the bundle.

    Args:
        batch: what evaluation gives the run.
        sessions: the same events in original ids.
        place_B: the request that each is, in the order of the sample.
    """

    batch: EvalBatch
    sessions: list[Session]
    place_B: np.ndarray


class Sample:
    """Test events, and the longest histories among them cut to lengths that they don't have.

    Args:
        store: the run's data.
        test: its test events.
        recommender: the run.
        users: events to draw; None: all of them.
        seed: of the draw.

    Attributes:
        row_R: the event that each request is, in the order of the split; -1 if its history is cut.
    """

    def __init__(
        self,
        store: SequenceStore,
        test: View,
        recommender: Recommender,
        *,
        users: int | None,
        seed: int = 0,
    ) -> None:
        self.store, self.recommender = store, recommender
        self.longest = recommender.config.max_length
        rng, n = np.random.default_rng(seed), len(test)
        count = n if users is None else min(users, n)
        row_R = rng.choice(n, count, replace=False)
        drawn = test.take(row_R)
        views = [drawn, *self._cut(drawn)]
        self.view = View(*(np.concatenate([getattr(v, name) for v in views]) for name in NAMES))
        self.row_R = np.concatenate([row_R, np.full(len(self.view) - count, -1)])
        self.columns = Columns(
            store, torch.device("cpu"), ratings=False, events=recommender.model.wanted
        )

    def __len__(self) -> int:
        return len(self.view)

    def __iter__(self) -> Iterator[Part]:
        for at in parts_of(len(self.view)):
            rows = np.arange(at.start, at.stop)
            for batch in EvalBatches(
                columns=self.columns,
                view=self.view.take(rows),
                max_length=self.longest,
                size=len(rows),
            ):
                which = rows[batch.event_B.numpy()]
                yield Part(batch, self._sessions(self.view.take(which)), which)

    def name(self, at: int) -> str:
        """Return a name of a request by its number."""
        user = self.store.users()["user"][int(self.view.user[at])]
        cut = "" if self.row_R[at] >= 0 else ", cut"
        return f"user {user}, history of {self.view.end[at] - self.view.start[at]}{cut}"

    def _cut(self, view: View) -> Iterator[View]:
        length = view.end - view.start
        longest = np.argsort(-length, kind="stable")[:LONGEST]
        most = self.longest
        for wanted in sorted({*LENGTHS, most, most + LENGTHS[2]}):
            some = view.take(longest[length[longest] >= wanted])
            yield View(some.user, some.end - wanted, some.end)

    def _sessions(self, view: View) -> list[Session]:
        items = self.recommender.items
        columns: dict[str, tuple[Values, list[str | None] | None]] = {}
        for name in self.recommender.model.wanted:
            names = self.store.categories.get(name)
            columns[name] = event_column(self.store, name), [None, *names] if names else None
        time = self.store.timestamp if "timestamp" in columns else None
        return [
            Session(
                items=[items.ids[i - 1] for i in self.store.item[start:end].tolist()],
                user=int(user),
                context={
                    name: [names[v] if names else v for v in values[start:end].tolist()]
                    for name, (values, names) in columns.items()
                },
                asked=None if time is None else int(time[end]),
            )
            for user, start, end in zip(view.user, view.start, view.end, strict=True)
        ]
