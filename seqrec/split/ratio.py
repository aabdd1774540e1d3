"""The last share of every user's events."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from seqrec.split._cuts import check_shares, chosen
from seqrec.store.store import SequenceStore
from seqrec.store.views import Splits, View, assemble


@dataclass(frozen=True, kw_only=True)
class Ratio:
    """Test on each user's latest events, validate on those before them, train on the rest.

    Every held-out event is a target; its history is everything of that user before it. Each part
    has at least one event of every user with 3 or more; users with fewer are only trained on. Like
    leave-one-out, the split ignores time across users.

    Args:
        test_share: share of each user's events.
        valid_share: share of each user's events.
    """

    takes_shares: ClassVar[bool] = True

    test_share: float = 0.1
    valid_share: float = 0.1

    def __post_init__(self) -> None:
        check_shares(test_share=self.test_share, valid_share=self.valid_share)

    def __call__(self, store: SequenceStore) -> Splits:
        """Split `store`; raise a DataError if a part is empty."""
        start, end = np.asarray(store.offset[:-1]), np.asarray(store.offset[1:])
        length = end - start
        judged = length >= 3
        test = np.where(judged, np.maximum(1, np.rint(length * self.test_share)), 0)
        valid = np.where(judged, np.maximum(1, np.rint(length * self.valid_share)), 0)
        test_at = end - test.astype(np.int64)
        valid_at = np.maximum(test_at - valid.astype(np.int64), start + judged)
        return assemble(
            store,
            train=View(np.arange(store.n_users, dtype=np.int64), start, valid_at),
            valid=chosen(start, valid_at, test_at, "all"),
            test=chosen(start, test_at, end, "all"),
            candidate_V=None,
            protocol=f"ratio(test_share={self.test_share:g}, valid_share={self.valid_share:g})",
            todo="provide users with at least 4 events; prepare.k_core or prepare.min_rating may "
            "be too strict",
        )
