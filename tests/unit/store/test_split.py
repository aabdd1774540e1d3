"""Splits of a table small enough to check by hand."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from seqrec.config.schema import Prepare
from seqrec.data.files import Files
from seqrec.data.synthetic import Synthetic
from seqrec.errors import ConfigError, DataError
from seqrec.split.leave_one_out import LeaveOneOut
from seqrec.split.ratio import Ratio
from seqrec.split.rolling import Rolling
from seqrec.split.sessions import Sessions
from seqrec.split.temporal import Temporal
from seqrec.store.prepare import prepare
from seqrec.store.store import SequenceStore
from seqrec.store.views import View

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


def listed(store: SequenceStore, view: View) -> list[str]:
    """Every target with its history: a user may have several."""
    names = ["", *store.items()["item"]]
    return [
        "".join(names[i] for i in store.item[start:end]) + ">" + names[store.item[end]]
        for start, end in zip(view.start, view.end, strict=True)
    ]


def shown(store: SequenceStore, view: View, target: bool = True) -> dict[str, str]:
    names = ["", *store.items()["item"]]
    users = store.users()["user"].to_list()
    return {
        users[user]: "".join(names[i] for i in store.item[start:end])
        + (">" + names[store.item[end]] if target else "")
        for user, start, end in zip(view.user, view.start, view.end, strict=True)
    }


def test_leave_one_out(store: SequenceStore):
    splits = LeaveOneOut()(store)
    assert shown(store, splits.train, target=False) == {
        "a": "pqr", "b": "qp", "c": "rq", "d": "p"
    }  # fmt: skip
    assert shown(store, splits.valid) == {"a": "pqr>p", "b": "qp>s", "d": "p>q"}
    assert shown(store, splits.test) == {"a": "pqrp>q", "b": "qps>r", "d": "pq>s"}
    assert splits.candidate_V is None and splits.protocol == "leave_one_out"
    assert splits.report == {
        "train_sequences": 4,
        "train_single": 1,
        "train_events": 8,
        "valid_targets": 3,
        "valid_cold_targets": 0,
        "valid_repeats": pytest.approx(1 / 3),
        "test_targets": 3,
        "test_cold_targets": 0,
        "test_repeats": pytest.approx(1 / 3),
        "history_events": 0,
        "unused_events": 0,
    }


def test_temporal_with_dates(store: SequenceStore):
    splits = Temporal(valid_from="1970-01-07", test_from="1970-01-09T00:00:00Z")(store)
    assert shown(store, splits.train, target=False) == {"a": "pqr", "b": "qp", "d": "pq"}
    assert shown(store, splits.valid) == {"a": "pqr>p"}  # b's next item, s, is unknown then
    assert shown(store, splits.test) == {"a": "pqrp>q", "b": "qps>r", "c": "r>q"}
    assert splits.report["valid_cold_targets"] == 1 and splits.report["test_cold_targets"] == 1
    assert splits.candidate_V is not None
    known = {store.items()["item"][int(i) - 1] for i in np.flatnonzero(splits.candidate_V)}
    assert known == {"p", "q", "r"}
    assert splits.protocol == "temporal(test_from=1970-01-09, valid_from=1970-01-07)"


def test_temporal_takes_dates_that_arrive_as_numbers(store: SequenceStore):
    splits = Temporal(valid_from=19700107, test_from=19700109)(store)
    assert splits.protocol == "temporal(test_from=1970-01-09, valid_from=1970-01-07)"
    with pytest.raises(DataError, match=r"cut 1970-01-07 is not before .* 1970-01-01"):
        Temporal(valid_from=19700107, test_from=1970)(store)


def test_temporal_by_share_keeps_simultaneous_events_together(store: SequenceStore):
    splits = Temporal(test_share=0.2, valid_share=0.25)(store)
    assert splits.protocol == "temporal(test_from=1970-01-09, valid_from=1970-01-07)"


def test_temporal_never_looks_ahead(tmp_path: Path):
    store = prepare(Synthetic(n_users=300), Prepare(), tmp_path)
    splits = Temporal(test_share=0.3, valid_share=0.2)(store)
    times = store.timestamp
    assert times is not None
    learnt = max(times[splits.train.end - 1])
    for earlier, view in ((learnt, splits.valid), (max(times[splits.valid.end]), splits.test)):
        assert (times[view.end] > earlier).all()
        assert (times[view.end - 1] < times[view.end].min()).all()
        assert (view.end > view.start).all()


def test_temporal_refuses_what_it_can_not_do(store: SequenceStore, tmp_path: Path):
    with pytest.raises(ConfigError, match="isn't an ISO date"):
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
    with pytest.raises(DataError, match="needs timestamps"):
        Temporal()(bare)


def test_leave_one_out_needs_long_enough_users(tmp_path: Path):
    path = tmp_path / "short.csv"
    path.write_text("user_id,item_id\na,x\na,y\nb,x\nb,y\n")
    short = prepare(Files(path=str(path), timestamp=None), Prepare(), tmp_path / "cache")
    with pytest.raises(DataError, match="no validation sequences"):
        LeaveOneOut()(short)


def test_temporal_can_judge_every_event_after_the_cut_or_the_last(store: SequenceStore):
    cuts = {"valid_from": "1970-01-06", "test_from": "1970-01-08"}
    first = Temporal(**cuts)(store)
    assert listed(store, first.test) == ["pqrp>q", "qps>r"]  # c came after the cut, s is new
    every = Temporal(**cuts, targets="all", new_items="keep")(store)
    assert listed(store, every.test) == ["pqrp>q", "qps>r", "r>q", "pq>s"]
    assert listed(store, every.valid) == ["pqr>p", "qp>s"]
    assert every.report["test_cold_targets"] == 0
    assert every.protocol.endswith("valid_from=1970-01-06, targets=all, new_items=keep)")
    last = Temporal(valid_from="1970-01-04", test_from="1970-01-06", targets="last")(store)
    assert listed(store, last.test) == ["pqrp>q", "r>q"]  # r and s are known to nobody before


def test_rolling_folds_follow_one_another(tmp_path: Path):
    store = prepare(Synthetic(n_users=300), Prepare(), tmp_path)
    folds = [Rolling(folds=3, fold=k, share=0.2, targets="all")(store) for k in range(3)]
    times = store.timestamp
    assert times is not None
    ranges = [(times[s.test.end].min(), times[s.test.end].max()) for s in folds]
    assert ranges[0][1] < ranges[1][0] and ranges[1][1] < ranges[2][0]
    for before, after in pairwise(folds):
        assert times[after.valid.end].max() <= times[before.test.end].max()
        assert before.report["train_events"] < after.report["train_events"]
    for splits in folds:
        assert times[splits.train.end - 1].max() < splits.cut <= times[splits.valid.end].min()
        assert times[splits.valid.end].max() < times[splits.test.end].min()
    assert "fold 1 of 3" in folds[0].protocol and "until=" not in folds[2].protocol


def test_rolling_refuses_what_it_can_not_do(store: SequenceStore):
    with pytest.raises(ConfigError, match="counted from 0"):
        Rolling(folds=2, fold=2)
    with pytest.raises(ConfigError, match="nothing to train on"):
        Rolling(folds=5, share=0.2)
    with pytest.raises(DataError, match="too many events"):
        Rolling(folds=2, share=0.05)(store)


def test_ratio_takes_the_last_share_of_each_user(store: SequenceStore):
    splits = Ratio(test_share=0.4, valid_share=0.2)(store)
    assert shown(store, splits.train, target=False) == {"a": "pq", "b": "q", "c": "rq", "d": "p"}
    assert listed(store, splits.valid) == ["pq>r", "q>p", "p>q"]
    assert listed(store, splits.test) == ["pqr>p", "pqrp>q", "qp>s", "qps>r", "pq>s"]
    assert splits.protocol == "ratio(test_share=0.4, valid_share=0.2)"
    with pytest.raises(ConfigError, match="shares"):
        Ratio(test_share=1.0)


def test_sessions_are_judged_whole_and_after_what_trains(tmp_path: Path):
    held = {"s1": "pq", "s2": "qpr", "s3": "qr", "s4": "pqs", "s5": "rpq", "s6": "qs"}
    begins = {"s1": 1, "s2": 1, "s3": 3, "s4": 5, "s5": 8, "s6": 9}  # s3 goes on until day 5
    rows = [
        (session, item, begins[session] + n * (2 if session == "s3" else 0.25))
        for session, items in held.items()
        for n, item in enumerate(items)
    ]
    path = tmp_path / "events.parquet"
    frame = pl.DataFrame(rows, schema=["user_id", "item_id", "day"], orient="row")
    frame.select(
        "user_id", "item_id", timestamp=(pl.col("day") * DAY).cast(pl.Int64)
    ).write_parquet(path)
    store = prepare(Files(path=str(path), time_unit="ms"), Prepare(), tmp_path / "cache")
    splits = Sessions(test_share=0.3, valid_share=0.15)(store)
    assert shown(store, splits.train, target=False) == {"s1": "pq", "s2": "qpr"}
    assert listed(store, splits.valid) == ["p>q"]  # s is in no training session
    assert listed(store, splits.test) == ["r>p", "rp>q"]
    assert splits.report["sessions_across_a_cut"] == 1
    last = Sessions(test_share=0.3, valid_share=0.3, targets="last")(store)
    assert listed(store, last.test) == ["rp>q"]


def test_a_pause_begins_a_session(tmp_path: Path):
    path = tmp_path / "events.csv"
    minutes = {"a": [0, 10, 50, 60, 200], "b": [5, 36, 66]}
    rows = [(u, f"i{n}", 60 * m) for u, times in minutes.items() for n, m in enumerate(times)]
    rows.sort(key=lambda row: row[2])
    path.write_text("user_id,item_id,timestamp\n" + "".join(f"{u},{i},{t}\n" for u, i, t in rows))
    source = Files(path=str(path), time_unit="s")
    store = prepare(source, Prepare(session_gap=30), tmp_path / "cache")
    lengths = dict(zip(store.users()["user"], np.diff(store.offset).tolist(), strict=True))
    assert lengths == {"a/1": 2, "b/1": 1, "b/2": 2, "a/2": 2, "a/3": 1}
    bare = Files(path=str(path), timestamp=None)
    with pytest.raises(DataError, match=r"prepare\.session_gap needs timestamps"):
        prepare(bare, Prepare(session_gap=30), tmp_path / "cache")


@pytest.fixture
def long(tmp_path: Path) -> SequenceStore:
    """One user of 400 events and a few of 5, of 12 items."""
    rng = np.random.default_rng(4)
    rows = [("a", n) for n in range(400)] + [(u, n) for u in "bcd" for n in range(5)]
    frame = pl.DataFrame(rows, schema=["user_id", "timestamp"], orient="row")
    path = tmp_path / "events.parquet"
    frame.with_columns(item_id=pl.Series(rng.integers(12, size=len(rows)))).write_parquet(path)
    return prepare(Files(path=str(path), time_unit="ms"), Prepare(k_core=0), tmp_path / "cache")


def test_repeats_are_those_of_each_target_with_its_history(long: SequenceStore):
    for split in (LeaveOneOut(), Ratio()):
        splits = split(long)
        for part in ("valid", "test"):
            view = getattr(splits, part)
            again = [
                long.item[end] in long.item[start:end]
                for start, end in zip(view.start, view.end, strict=True)
            ]
            assert splits.report[f"{part}_repeats"] == pytest.approx(np.mean(again))


def test_the_items_of_a_long_history_are_told_once_a_target(long: SequenceStore):
    view = Ratio()(long).test
    view = view.take(np.random.default_rng(0).permutation(len(view)))
    row_P, position_P = view.items_once(long.item)
    assert len(row_P) <= 12 * len(view)  # it doesn't grow with the length of the histories
    for row, (start, end) in enumerate(zip(view.start, view.end, strict=True)):
        held = long.item[position_P[row_P == row]].tolist()
        assert sorted(held) == sorted(set(long.item[start:end].tolist()))


def test_stretches_that_overlap_hold_each_its_own_items(long: SequenceStore):
    view = Ratio()(long).test.take(np.array([0]))
    end = view.end.repeat(3)
    view = View(view.user.repeat(3), end - np.array([9, 4, 6]), end)
    row_P, position_P = view.items_once(long.item)
    for row, (start, last) in enumerate(zip(view.start, view.end, strict=True)):
        assert position_P[row_P == row].tolist() == list(range(start, last))
