"""The training events that are known so far, and those that users could be asked for."""

import copy
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from seqrec.asking.strategies import Beliefs, Strategy, believe
from seqrec.batches import EvalBatches
from seqrec.columns import Columns
from seqrec.model import SequenceModel
from seqrec.store.store import SequenceStore
from seqrec.store.views import Splits, View

SCORES = 1 << 24  # that are held at once
LEAST = -50.0  # logarithm of the probability of an item that nobody is known to have had
FEWEST = 2  # events that are known of a user from the beginning: one, and one that follows


@dataclass(frozen=True)
class Pool:
    """Which training events are known.

    Validation and test events are, always: they are targets, never asked for.

    Args:
        store: all events.
        splits: of the store.
        shown: bool (n_interactions,).
    """

    store: SequenceStore
    splits: Splits
    shown: NDArray[np.bool_]

    @classmethod
    def begin(cls, store: SequenceStore, splits: Splits, *, share: float, seed: int) -> "Pool":
        """Show a share of each user's training events, drawn at random."""
        rng = np.random.default_rng(seed)
        shown = np.ones(store.n_interactions, dtype=bool)
        shown[splits.train.positions()] = False
        pool = cls(store, splits, shown)
        return pool.show(rng.random(len(pool.hidden)), share=share)

    @property
    def hidden(self) -> NDArray[np.int64]:
        """Positions in the store of what can be asked for, user by user."""
        position = self.splits.train.positions()
        return position[~self.shown[position]]

    def show(self, worth_N: NDArray[np.floating], *, share: float) -> "Pool":
        """Show the hidden events of most worth, until a share of each user's events is known.

        Args:
            worth_N: of the events in :attr:`hidden`.
            share: of each user's training events; at least two of them.
        """
        length, hidden = self.splits.train.end - self.splits.train.start, self._missing
        wanted = np.minimum(length, np.maximum(FEWEST, np.round(share * length).astype(int)))
        more = np.maximum(0, wanted - (length - hidden))
        row = np.repeat(np.arange(len(length)), hidden)
        order = np.lexsort([-worth_N, row])  # user by user, as the hidden events are
        place = np.arange(len(row)) - (np.cumsum(hidden) - hidden)[row]
        shown = self.shown.copy()
        shown[self.hidden[order[place < more[row]]]] = True
        return replace(self, shown=shown)

    def known(self) -> tuple[SequenceStore, Splits]:
        """Return a store of the known events alone, and the split of it."""
        store, shown = copy.copy(self.store), self.shown
        before = np.concatenate([[0], np.cumsum(shown)])
        store.offset, store.item = before[store.offset], np.asarray(store.item)[shown]
        for name in ("timestamp", "rating", "part"):
            values = getattr(store, name)
            setattr(store, name, None if values is None else np.asarray(values)[shown])
        store.context = {name: np.asarray(v)[shown] for name, v in store.context.items()}
        store.n_interactions = int(before[-1])

        def moved(view: View) -> View:
            return View(view.user, before[view.start], before[view.end])

        splits = self.splits
        report = splits.report | {"train_events": int(shown[splits.train.positions()].sum())}
        train, valid, test = map(moved, (splits.train, splits.valid, splits.test))
        return store, replace(splits, train=train, valid=valid, test=test, report=report)

    def worth(
        self,
        model: SequenceModel,
        strategy: Strategy,
        *,
        max_length: int,
        k: int,
        passes: int,
        seed: int,
    ) -> NDArray[np.floating]:
        """Return what a strategy gives each event in :attr:`hidden`, given what is known."""
        store, splits = self.known()
        count_V = np.bincount(store.item[splits.train.positions()], minlength=store.n_items + 1)
        known_V = torch.from_numpy(count_V > 0)
        ends = np.cumsum(self._missing)
        asked = View(splits.train.user, ends - self._missing, ends)
        item_N = torch.from_numpy(np.asarray(self.store.item)[self.hidden].astype(np.int64))
        log_p_N, cut_N, spread_N = torch.zeros(3, len(item_N)).unbind()
        batches = EvalBatches(
            columns=Columns(store, torch.device("cpu"), ratings=False, events=model.wanted),
            view=splits.train,
            max_length=max_length,
            size=max(1, SCORES // (store.n_items + 1)),
        )
        for batch in batches:
            found = believe(model, batch.history, known_V, k=k, passes=passes)
            mine = asked.take(batch.event_B.numpy())
            which_N = torch.from_numpy(mine.positions())
            row_N = torch.from_numpy(np.repeat(np.arange(len(mine)), mine.end - mine.start))
            log_p_N[which_N] = found[0][row_N, item_N[which_N]].clamp(min=LEAST)
            cut_N[which_N] = found[1][row_N, 0]
            spread_N[which_N] = found[2][row_N, item_N[which_N]]
        beliefs = Beliefs(log_p_N, cut_N, spread_N, torch.from_numpy(count_V)[item_N], k)
        return strategy(beliefs, torch.Generator().manual_seed(seed)).double().numpy()

    @property
    def _missing(self) -> NDArray[np.int64]:
        """How many events of each training sequence are hidden."""
        train, before = self.splits.train, np.concatenate([[0], np.cumsum(~self.shown)])
        return before[train.end] - before[train.start]
