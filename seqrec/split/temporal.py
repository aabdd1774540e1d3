"""A global cut in time: train on what happened before it, evaluate on what came after."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from seqrec.clock import instant, iso_time
from seqrec.errors import DataError
from seqrec.split._cuts import check_shares, cut_at, options_shown, quantiles, smallest, times_of
from seqrec.store.peers import Peers, added
from seqrec.store.store import SequenceStore
from seqrec.store.views import Splits


@dataclass(frozen=True, kw_only=True)
class Temporal:
    """Global temporal split.

    Training events are those before the validation cut, validation targets lie between the two
    cuts, test targets from the test cut on. The history of a target is everything of that user
    before it, and isn't empty. Only items with a training event can be ranked; other targets are
    counted. Events exactly at a cut fall after it.

    Histories may hold items without a training event, which the model sees as padding.
    ``prepare.k_core`` comes before the split and counts the events after the cuts too, unless
    ``prepare.k_core_before`` names the validation cut.

    Args:
        test_share: share of all events, the latest, that lie after the test cut.
        valid_share: share of all events that lie between the two cuts.
        test_from, valid_from: the cuts as ISO dates or times (UTC where no zone is given),
            instead of shares; 20231118 and the year 2023 work too.
        targets: which events of a user between or after the cuts are targets: the ``first``, if
            the user has events before the cut; the ``last`` or ``all``, also of users who came
            after it, from their second event on.
        new_items: targets whose item has no training event: ``drop`` them, ``keep`` them as
            misses, or ``rank`` them among the whole catalogue, as a model with item features can
            (``embedding=features``).
    """

    cuts_time: ClassVar[bool] = True
    takes_shares: ClassVar[bool] = True
    moments: ClassVar[tuple[str, ...]] = ("test_from", "valid_from")

    test_share: float = 0.1
    valid_share: float = 0.1
    test_from: str | int | None = None
    valid_from: str | int | None = None
    targets: Literal["first", "last", "all"] = "first"
    new_items: Literal["drop", "keep", "rank"] = "drop"

    def __post_init__(self) -> None:
        check_shares(test_share=self.test_share, valid_share=self.valid_share)
        instant(self.test_from, where="split.test_from")
        instant(self.valid_from, where="split.valid_from")

    def __call__(self, store: SequenceStore) -> Splits:
        """Split `store`; raise a DataError if it has no timestamps or a part is empty."""
        valid_cut, test_cut = self._cuts(times_of(store), store.peers)
        options = options_shown(targets=self.targets, new_items=self.new_items)
        return cut_at(
            store,
            valid_cut=valid_cut,
            test_cut=test_cut,
            end=None,
            targets=self.targets,
            new_items=self.new_items,
            protocol=f"temporal(test_from={iso_time(test_cut)}, valid_from={iso_time(valid_cut)}"
            f"{options})",
            todo="move the cuts with split.test_share, split.valid_share, split.test_from or "
            "split.valid_from",
        )

    def _cuts(self, timestamp: np.ndarray, peers: Peers) -> tuple[int, int]:
        """Return the times of the validation and the test cut."""
        shares = [1 - self.test_share - self.valid_share, 1 - self.test_share]
        valid_cut, test_cut = quantiles(timestamp, shares, peers)
        test_from = instant(self.test_from, where="split.test_from")
        valid_from = instant(self.valid_from, where="split.valid_from")
        if test_from is not None:
            test_cut = test_from
        if valid_from is not None:
            valid_cut = valid_from
        elif test_from is not None:
            counts = {"all": len(timestamp), "before": int((timestamp < test_cut).sum())}
            found = added(peers, counts)
            at = max(found["before"] - int(found["all"] * self.valid_share), 0)
            valid_cut = smallest(timestamp, at, peers) if at < found["before"] else test_cut
        if valid_cut >= test_cut:
            raise DataError(
                f"the validation cut {iso_time(valid_cut)} is not before the test cut "
                f"{iso_time(test_cut)}",
                where="split",
                todo="set an earlier split.valid_from or larger shares",
            )
        return valid_cut, test_cut
