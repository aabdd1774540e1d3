"""Several cuts in time, one after another, to see whether a result holds in every season."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from seqrec.clock import iso_time
from seqrec.errors import ConfigError, DataError
from seqrec.split._cuts import check_shares, cut_at, options_shown, quantiles, times_of
from seqrec.store.store import SequenceStore
from seqrec.store.views import Splits


@dataclass(frozen=True, kw_only=True)
class Rolling:
    """One fold of a rolling-origin evaluation (Tashman 2000, for forecasts).

    The last ``folds * share`` of all events are cut into `folds` stretches of time with equally
    many events. A fold is tested on its stretch, validated on the `share` before it and trained on
    everything before that. A sweep runs them all, and its table shows mean and standard deviation
    over the folds: ``-m split=rolling split.fold=0,1,2``.

    Args:
        folds: number of folds.
        fold: the fold to run, from 0, the earliest.
        share: share of all events in each stretch.
        targets, new_items: see :class:`~seqrec.split.temporal.Temporal`.
    """

    cuts_time: ClassVar[bool] = True
    takes_shares: ClassVar[bool] = True

    folds: int = 3
    fold: int = 0
    share: float = 0.1
    targets: Literal["first", "last", "all"] = "first"
    new_items: Literal["drop", "keep", "rank"] = "drop"

    def __post_init__(self) -> None:
        if not 0 <= self.fold < self.folds:
            raise ConfigError(
                f"fold={self.fold}: there are {self.folds} folds, counted from 0",
                where="split.fold",
                todo=f"set split.fold={','.join(map(str, range(max(1, self.folds))))} with -m",
            )
        check_shares(share=self.share)
        if (self.folds + 1) * self.share >= 1:
            raise ConfigError(
                f"{self.folds} folds and a validation of {self.share:g} each leave nothing to "
                "train on",
                where="split",
                todo="use fewer split.folds or a smaller split.share",
            )

    def __call__(self, store: SequenceStore) -> Splits:
        """Split `store`; raise a DataError if it has no timestamps or a part is empty."""
        timestamp, after = times_of(store), self.folds - self.fold
        shares = [1 - (after + 1) * self.share, 1 - after * self.share]
        valid_cut, test_cut, *end = quantiles(
            timestamp, shares + ([1 - (after - 1) * self.share] if after > 1 else []), store.peers
        )
        if not valid_cut < test_cut < (end or [test_cut + 1])[0]:
            raise DataError(
                f"too many events at {iso_time(test_cut)}: a stretch of time would be empty",
                where="split",
                todo="use fewer split.folds or a larger split.share",
            )
        until = f", until={iso_time(end[0])}" if end else ""
        options = options_shown(targets=self.targets, new_items=self.new_items)
        return cut_at(
            store,
            valid_cut=valid_cut,
            test_cut=test_cut,
            end=end[0] if end else None,
            targets=self.targets,
            new_items=self.new_items,
            protocol=f"rolling(fold {self.fold + 1} of {self.folds}, "
            f"test_from={iso_time(test_cut)}, valid_from={iso_time(valid_cut)}{until}{options})",
            todo="use fewer split.folds or a larger split.share",
        )
