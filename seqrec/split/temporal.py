"""One cut in time for everybody: learn from what was known before it, judge by what came after."""

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from seqrec.errors import ConfigError, DataError
from seqrec.split.views import Splits, View, assemble
from seqrec.store.store import SequenceStore


@dataclass(frozen=True, kw_only=True)
class Temporal:
    """Global temporal split.

    Training events are those before the validation cut. The validation target of a user is the
    first event from the validation cut on and before the test cut; the test target the first
    event from the test cut on. The history of a target is everything of that user before its cut,
    and isn't empty. Only items with a training event can be ranked; targets that are others are
    left out and counted. Events at exactly a cut all fall after it.

    Two things look past the cuts. ``prepare.k_core`` comes before the split and counts the events
    after the cuts too. And histories may hold items without a training event, which the model
    sees as padding.

    Args:
        test_share: share of all events, the latest, that lie after the test cut.
        valid_share: share of all events that lie between the two cuts.
        test_from, valid_from: the cuts as ISO dates or times (UTC where no zone is given),
            instead of shares; 20231118 and the year 2023 will do, too.
    """

    test_share: float = 0.1
    valid_share: float = 0.1
    test_from: str | int | None = None
    valid_from: str | int | None = None

    def __post_init__(self) -> None:
        shares = {"test_share": self.test_share, "valid_share": self.valid_share}
        for name, share in shares.items():
            if not 0 < share < 1 or sum(shares.values()) >= 1:
                raise ConfigError(
                    f"{name}={share:g}: shares lie between 0 and 1 and leave some for training",
                    where=f"split.{name}",
                )
        for name in ("test_from", "valid_from"):
            _milliseconds(name, getattr(self, name))

    def __call__(self, store: SequenceStore) -> Splits:
        """Split `store`; a DataError if it has no timestamps or the cuts leave a part empty."""
        if store.timestamp is None:
            raise DataError(
                f"{store.name} has no timestamps to cut at",
                where="split",
                todo="split=leave_one_out, or name the time column with data.timestamp",
            )
        valid_cut, test_cut = self._cuts(store.timestamp)
        start, end = np.asarray(store.offset[:-1]), np.asarray(store.offset[1:])
        valid_at = start + _count_before(store, valid_cut)
        test_at = start + _count_before(store, test_cut)
        everyone = View(np.arange(store.n_users, dtype=np.int64), start, end)
        candidates = np.zeros(store.n_items + 1, dtype=bool)
        candidates[store.item[store.timestamp < valid_cut]] = True
        candidates[0] = False
        return assemble(
            store,
            train=View(everyone.user, start, valid_at),
            valid=View(everyone.user, start, valid_at).take(
                (start < valid_at) & (valid_at < test_at)
            ),
            test=View(everyone.user, start, test_at).take((start < test_at) & (test_at < end)),
            candidates=candidates,
            protocol=f"temporal(test_from={_iso(test_cut)}, valid_from={_iso(valid_cut)})",
            todo="move the cuts with split.test_share, split.valid_share, split.test_from or "
            "split.valid_from",
        )

    def _cuts(self, timestamp: np.ndarray) -> tuple[int, int]:
        """Times of the validation and the test cut."""
        n = len(timestamp)
        test_at = min(int(n * (1 - self.test_share)), n - 1)
        valid_at = int(n * (1 - self.test_share - self.valid_share))
        later = np.partition(timestamp, sorted({valid_at, test_at}))
        test_from = _milliseconds("test_from", self.test_from)
        valid_from = _milliseconds("valid_from", self.valid_from)
        test_cut = int(later[test_at]) if test_from is None else test_from
        if valid_from is None and test_from is not None:
            before = timestamp[timestamp < test_cut]
            at = max(len(before) - int(n * self.valid_share), 0)
            valid_cut = int(np.partition(before, at)[at]) if at < len(before) else test_cut
        else:
            valid_cut = int(later[valid_at]) if valid_from is None else valid_from
        if valid_cut >= test_cut:
            raise DataError(
                f"the validation cut {_iso(valid_cut)} is not before the test cut {_iso(test_cut)}",
                where="split",
                todo="give an earlier split.valid_from or larger shares",
            )
        return valid_cut, test_cut


def _count_before(store: SequenceStore, cut: int) -> np.ndarray:
    """Events of each user before `cut`."""
    running = np.concatenate([[0], np.cumsum(store.timestamp < cut)])  # type: ignore[operator]
    return running[store.offset[1:]] - running[store.offset[:-1]]


def _milliseconds(name: str, given: str | int | None) -> int | None:
    if given is None:
        return None
    text = str(given)
    try:
        moment = datetime.fromisoformat(f"{text}-01-01" if len(text) == 4 else text)
    except ValueError as error:
        raise ConfigError(
            f"{text!r} is no ISO date or time",
            where=f"split.{name}",
            todo=f"write it as split.{name}=2014-07-22",
        ) from error
    zoned = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return round(zoned.timestamp() * 1000)


def _iso(ms: int) -> str:
    """A time as short as it can be said."""
    text = np.datetime64(ms, "ms").astype(str)
    return str(text).removesuffix(".000").removesuffix("T00:00:00")
