"""A split of whole sessions by time."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from seqrec.clock import iso_time
from seqrec.errors import DataError
from seqrec.split._cuts import check_shares, chosen, quantiles
from seqrec.store.peers import added
from seqrec.store.store import SequenceStore
from seqrec.store.views import Splits, View, assemble, candidates


@dataclass(frozen=True, kw_only=True)
class Sessions:
    """Train on sessions that ended before a cut, evaluate on later ones (Hidasi et al. 2016).

    A sequence is a session: name the session id as the user column, or cut users' events at pauses
    with ``prepare.session_gap``. Training takes sessions that end before the validation cut,
    validation those that begin between the cuts and end before the test cut, test those that begin
    after it. Sessions across a cut are left out. Only items with a training event can be ranked.
    Without timestamps, sessions are in the order of the file, and cuts lie between them.

    Args:
        test_share: share of all sessions, the latest by their first event, after the test cut.
        valid_share: share of all sessions between the two cuts.
        targets: ``all``: every event but the first of a session, from the events before it;
            ``last``: the last event only.
    """

    cuts_time: ClassVar[bool] = True
    takes_shares: ClassVar[bool] = True

    test_share: float = 0.1
    valid_share: float = 0.1
    targets: Literal["all", "last"] = "all"

    def __post_init__(self) -> None:
        check_shares(test_share=self.test_share, valid_share=self.valid_share)

    def __call__(self, store: SequenceStore) -> Splits:
        """Split `store`; raise a DataError if a part is empty."""
        start, end = np.asarray(store.offset[:-1]), np.asarray(store.offset[1:])
        if store.timestamp is None:
            begins = ends = store.first_user + np.arange(store.n_users)
        else:
            begins, ends = store.timestamp[start], store.timestamp[end - 1]
        shares = [1 - self.test_share - self.valid_share, 1 - self.test_share]
        valid_cut, test_cut = quantiles(begins, shares, store.peers)
        if valid_cut >= test_cut:
            raise DataError(
                f"too many sessions begin at {_shown(test_cut, store)}: none is left to validate",
                where="split",
                todo="use larger shares",
            )
        trains = ends < valid_cut
        validates = (begins >= valid_cut) & (ends < test_cut)
        everyone = View(np.arange(store.n_users, dtype=np.int64), start, end)
        train = everyone.take(trains)
        splits = assemble(
            store,
            train=train,
            valid=chosen(start, start, np.where(validates, end, start), self.targets),
            test=chosen(start, start, np.where(begins >= test_cut, end, start), self.targets),
            candidate_V=candidates(store, train.positions()),
            cut=None if store.timestamp is None else valid_cut,
            protocol=f"sessions(test_from={_shown(test_cut, store)}, "
            f"valid_from={_shown(valid_cut, store)}, targets={self.targets})",
            todo="use other shares; sessions of one event have no target, "
            "and items without a training event are none",
        )
        across = len(start) - int(trains.sum() + validates.sum() + (begins >= test_cut).sum())
        splits.report.update(added(store.peers, {"sessions_across_a_cut": across}))
        return splits


def _shown(cut: int, store: SequenceStore) -> str:
    """Return a cut as a time, or as the number of a session in the order of the file, from 1."""
    return f"session {cut + 1}" if store.timestamp is None else iso_time(cut)
