"""Splits of a table small enough to check by hand."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from seqrec.config.schema import Prepare
from seqrec.data.files import Files
from seqrec.data.synthetic import Synthetic
from seqrec.errors import ConfigError, DataError
from seqrec.split.leave_one_out import LeaveOneOut
from seqrec.split.temporal import Temporal
from seqrec.split.views import View
from seqrec.store.prepare import prepare
from seqrec.store.store import SequenceStore

DAY = 86_400_000
EVENTS = [  # user, item, day
    ("a", "p", 1), ("a", "q", 2), ("a", "r", 3), ("a", "p", 6), ("a", "q", 8),
    ("b", "q", 1), ("b", "p", 2), ("b", "s", 6), ("b", "r", 8),
    ("c", "r", 7), ("c", "q", 8),
    ("d", "p", 4), ("d", "q", 4), ("d", "s", 9),
]  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> SequenceStore:
    path = tmp_path / "events.parquet"
    frame = pl.DataFrame(EVENTS, schema=["user_id", "item_id", "day"], orient="row")
    frame.with_columns(timestamp=pl.col("day") * DAY).write_parquet(path)
    return prepare(Files(path=str(path), time_unit="ms"), Prepare(), tmp_path / "cache")


def shown(store: SequenceStore, view: View, target: bool = True) -> dict[str, str]:
    names = ["", *store.items()["item"]]
    users = store.users()["user"].to_list()
    return {
        users[user]: "".join(names[i] for i in store.item[start:end])
        + (">" + names[store.item[end]] if target else "")
        for user, start, end in zip(view.user, view.start, view.end, strict=True)
    }


def test_leave_one_out(store: SequenceStore) -> None:
    splits = LeaveOneOut()(store)
    assert shown(store, splits.train, target=False) == {"a": "pqr", "b": "qp", "c": "rq"}
    assert shown(store, splits.valid) == {"a": "pqr>p", "b": "qp>s", "d": "p>q"}
    assert shown(store, splits.test) == {"a": "pqrp>q", "b": "qps>r", "d": "pq>s"}
    assert splits.candidates is None and splits.protocol == "leave_one_out"
    assert splits.report == {
        "train_sequences": 3,
        "train_events": 7,
        "valid_targets": 3,
        "valid_cold_targets": 0,
        "valid_repeats": pytest.approx(1 / 3),
        "test_targets": 3,
        "test_cold_targets": 0,
        "test_repeats": pytest.approx(1 / 3),
    }


def test_temporal_with_dates(store: SequenceStore) -> None:
    splits = Temporal(valid_from="1970-01-07", test_from="1970-01-09T00:00:00Z")(store)
    assert shown(store, splits.train, target=False) == {"a": "pqr", "b": "qp", "d": "pq"}
    assert shown(store, splits.valid) == {"a": "pqr>p"}  # b's next item, s, is unknown then
    assert shown(store, splits.test) == {"a": "pqrp>q", "b": "qps>r", "c": "r>q"}
    assert splits.report["valid_cold_targets"] == 1 and splits.report["test_cold_targets"] == 1
    assert splits.candidates is not None
    known = {store.items()["item"][int(i) - 1] for i in np.flatnonzero(splits.candidates)}
    assert known == {"p", "q", "r"}
    assert splits.protocol == "temporal(test_from=1970-01-09, valid_from=1970-01-07)"


def test_temporal_takes_dates_that_arrive_as_numbers(store: SequenceStore) -> None:
    splits = Temporal(valid_from=19700107, test_from=19700109)(store)
    assert splits.protocol == "temporal(test_from=1970-01-09, valid_from=1970-01-07)"
    with pytest.raises(DataError, match=r"cut 1970-01-07 is not before .* 1970-01-01"):
        Temporal(valid_from=19700107, test_from=1970)(store)


def test_temporal_by_share_keeps_simultaneous_events_together(store: SequenceStore) -> None:
    splits = Temporal(test_share=0.2, valid_share=0.25)(store)
    assert splits.protocol == "temporal(test_from=1970-01-09, valid_from=1970-01-07)"


def test_temporal_never_looks_ahead(tmp_path: Path) -> None:
    store = prepare(Synthetic(n_users=300), Prepare(), tmp_path)
    splits = Temporal(test_share=0.3, valid_share=0.2)(store)
    times = store.timestamp
    assert times is not None
    learnt = max(times[splits.train.end - 1])
    for earlier, view in ((learnt, splits.valid), (max(times[splits.valid.end]), splits.test)):
        assert (times[view.end] > earlier).all()
        assert (times[view.end - 1] < times[view.end].min()).all()
        assert (view.end > view.start).all()


def test_temporal_refuses_what_it_can_not_do(store: SequenceStore, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no ISO date"):
        Temporal(test_from="yesterday")
    with pytest.raises(ConfigError, match="shares"):
        Temporal(test_share=0.6, valid_share=0.5)
    with pytest.raises(DataError, match="not before the test cut"):
        Temporal(test_from="1970-01-05", valid_from="1970-01-06")(store)
    with pytest.raises(DataError, match="no test sequences"):
        Temporal(test_from="1999-01-01", valid_from="1970-01-06")(store)
    path = tmp_path / "bare.csv"
    path.write_text("user_id,item_id\n" + "a,x\na,y\na,z\na,w\n")
    bare = prepare(Files(path=str(path), timestamp=None), Prepare(), tmp_path / "cache")
    with pytest.raises(DataError, match="no timestamps"):
        Temporal()(bare)


def test_leave_one_out_needs_long_enough_users(tmp_path: Path) -> None:
    path = tmp_path / "short.csv"
    path.write_text("user_id,item_id\na,x\na,y\nb,x\nb,y\n")
    short = prepare(Files(path=str(path), timestamp=None), Prepare(), tmp_path / "cache")
    with pytest.raises(DataError, match="no validation sequences"):
        LeaveOneOut()(short)
