"""The split of most papers: test on a user's last event, validate on the one before."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from seqrec.store.store import SequenceStore
from seqrec.store.views import Splits, View, assemble


@dataclass(frozen=True, kw_only=True)
class LeaveOneOut:
    """Leave-one-out (He et al. 2017; Kang and McAuley 2018).

    The history of the test target includes the validation event. Users with fewer than 3 events
    are only trained on; of users with 3, the first event is the only one to train on. The split
    ignores time across users: a model may learn from events later than a target. Use
    :class:`~seqrec.split.temporal.Temporal` to evaluate as in deployment.
    """

    takes_shares: ClassVar[bool] = True

    def __call__(self, store: SequenceStore) -> Splits:
        """Split `store`."""
        user = np.arange(store.n_users, dtype=np.int64)
        start, end = np.asarray(store.offset[:-1]), np.asarray(store.offset[1:])
        judged = end - start >= 3
        everyone = View(user, start, end)
        valid = everyone.take(judged)
        return assemble(
            store,
            train=View(user, start, np.where(judged, end - 2, end)),
            valid=View(valid.user, valid.start, valid.end - 2),
            test=View(valid.user, valid.start, valid.end - 1),
            candidate_V=None,
            protocol="leave_one_out",
            todo="provide users with at least 4 events; prepare.k_core or prepare.min_rating may "
            "be too strict",
        )
