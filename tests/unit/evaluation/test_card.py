"""The protocol card: what leaks is told, with the right numbers; strict refuses it."""

import json

import numpy as np
import polars as pl
import pytest
from helpers.commands import told
from helpers.experiments import root

from seqrec.build import gather_facts
from seqrec.config.schema import Prepare, Strictness, Ties
from seqrec.errors import ConfigError, DataError
from seqrec.evaluation.protocol import check_leaks, markdown, protocol_card, summary
from seqrec.raw.source import Interactions
from seqrec.split.leave_one_out import LeaveOneOut
from seqrec.split.temporal import Temporal

# user a ends before user b begins; a tie in b; c's last item is new
EVENTS = [
    *[("a", item, time) for time, item in enumerate("vwxy")],
    *[("b", item, time) for time, item in zip((10, 11, 11, 13, 14), "vwxwy", strict=True)],
    *[("c", item, time) for time, item in zip((5, 6, 7, 20), "wxvz", strict=True)],
]


class Table:
    """A source of the events above."""

    name = "table"

    def __init__(self, timed: bool = True):
        self.timed = timed

    def read(self) -> Interactions:
        frame = pl.DataFrame(EVENTS, schema=["user", "item", "timestamp"], orient="row")
        frame = frame.with_columns(pl.col("timestamp").cast(pl.Int64))
        return Interactions((frame if self.timed else frame.drop("timestamp")).lazy())


def store(tmp_path, *, timed: bool = True, **settings):
    from seqrec.store.encode import encode
    from seqrec.store.store import SequenceStore, write

    folder = tmp_path / f"store{len(list(tmp_path.iterdir()))}"
    folder.mkdir()
    source = Table(timed)
    write(folder, name="table", **encode(source.read(), Prepare(**settings), "table"))
    return SequenceStore(folder)


def card_of(data, split, **changes):
    config = root()
    for name, value in changes.items():
        setattr(config, name, value)
    splits = split(data)
    count_V = gather_facts(data, splits).item_count_V.numpy()
    return protocol_card(data, splits, config, item_count_V=count_V, protocol=splits.protocol)


def test_leave_one_out_says_how_much_it_leaks(tmp_path):
    card = card_of(store(tmp_path), LeaveOneOut())
    # train: a 0 1, b 10 11 11, c 5 6; test targets at 3, 14, 20
    assert card["train_after_first_test"] == pytest.approx(5 / 7)
    assert card["train_after_a_test"] == pytest.approx((5 / 7 + 0 + 0) / 3)
    assert card["tied"] == pytest.approx(2 / 13)
    assert card["repeated"] == pytest.approx(1 / 13)
    assert card["test_cold"] == 1  # y and z are in no training sequence
    assert card["cold_targets"] == "ranked" and card["candidates"] == card["items"] == 5
    assert card["times"]["train"] == ["1970-01-01", "1970-01-01T00:00:00.011"]
    [leak] = card["leaks"]
    assert leak.startswith("71.43 %")
    assert json.loads(json.dumps(card)) == card
    assert summary(card)["protocol/test_cold"] == card["test_cold"]


@pytest.mark.parametrize("backwards", [False, True])
def test_ties_that_go_by_ids_are_told_and_can_be_shuffled(tmp_path, backwards, monkeypatch):
    days = [
        (f"u{user}", f"i{(user + item) % 40:02}", item // 10)
        for user in range(9)
        for item in range(40)
    ]
    days.sort(key=lambda event: event[1], reverse=backwards)
    monkeypatch.setitem(globals(), "EVENTS", days)
    [note] = card_of(store(tmp_path), LeaveOneOut())["notes"]
    assert "of neighbouring events are of one time, and the ids of 100.00%" in note
    assert ("fall" in note) is backwards
    config, data = Prepare(ties=Ties.shuffle), store(tmp_path, ties=Ties.shuffle)
    [note] = card_of(data, LeaveOneOut(), prepare=config)["notes"]
    assert note.endswith("of one time: shuffled")
    assert (np.diff(data.timestamp)[np.diff(np.repeat(range(9), 40)) == 0] >= 0).all()
    again = store(tmp_path, ties=Ties.shuffle)
    assert (again.item == data.item).all() and (store(tmp_path).item != data.item).any()


def test_without_times_nothing_can_be_shuffled(tmp_path):
    with pytest.raises(DataError, match=r"prepare\.ties=shuffle needs times"):
        store(tmp_path, timed=False, ties=Ties.shuffle)


def test_a_temporal_split_leaks_nothing_but_through_the_k_core(tmp_path):
    split = Temporal(valid_from="1970-01-01T00:00:00.012", test_from="1970-01-01T00:00:00.014")
    card = card_of(store(tmp_path), split)
    assert card["leaks"] == [] and card["train_after_first_test"] == 0
    assert card["cold_targets"] == "left out" and card["test_cold"] == 0.5
    kept = Temporal(**vars(split) | {"new_items": "keep"})
    misses = card_of(store(tmp_path), kept)
    assert misses["cold_targets"] == "misses" and misses["test_cold"] == 0.5
    looks_ahead = Prepare(k_core=2)
    card = card_of(store(tmp_path, k_core=2), split, prepare=looks_ahead)
    assert card["leaks"] == ["prepare.k_core=2 counts held-out events"]
    late = Prepare(k_core=2, k_core_before="1970-01-02")
    [leak] = card_of(store(tmp_path), split, prepare=late)["leaks"]
    assert "after the end of the training part" in leak
    clean = Prepare(k_core=2, k_core_before="1970-01-01T00:00:00.012")
    assert card_of(store(tmp_path), split, prepare=clean)["leaks"] == []


def test_a_k_core_before_a_cut_knows_nothing_of_what_comes_after(tmp_path):
    settings = {"k_core": 2, "k_core_before": "1970-01-01T00:00:00.012"}
    data = store(tmp_path, **settings)
    # before 12 the items v, w, x have two events or more; y has one, z none
    assert sorted(data.items()["item"]) == ["v", "w", "x"]
    assert data.users()["user"].to_list() == ["a", "b", "c"]
    with pytest.raises(DataError, match="k_core_before needs timestamps"):
        store(tmp_path, timed=False, **settings)
    assert "'soon' isn't an ISO date or time" in told("prepare.k_core_before=soon")


def test_a_cut_of_a_k_core_that_is_off_is_a_mistake():
    assert "needs prepare.k_core;" in told("prepare.k_core=0", "prepare.k_core_before=2014")


def test_without_times_nothing_can_be_told(tmp_path):
    card = card_of(store(tmp_path, timed=False), LeaveOneOut())
    assert card["train_after_first_test"] is None and card["times"] is None
    assert "no times" in card["leaks"][0]
    assert "unknown" in markdown(card)


def test_strict_refuses_by_name(tmp_path):
    config = root()
    config.protocol = Strictness.strict
    leaking = card_of(store(tmp_path), LeaveOneOut())
    with pytest.raises(ConfigError, match="later than the earliest test target"):
        check_leaks(leaking, config)
    check_leaks({"leaks": []}, config)
    config.protocol = Strictness.report
    check_leaks(leaking, config)


def test_the_card_is_read_by_people(tmp_path):
    text = markdown(card_of(store(tmp_path), LeaveOneOut()))
    assert "| raw | 3 | 5 | 13 |" in text
    assert "| 71.43 % | training events later than the earliest test target |" in text
    assert "- 71.43 % of the training events" in text


def test_minima_that_count_held_out_events_are_leaks_and_notes_are_on_the_card(tmp_path):
    split = Temporal(valid_from="1970-01-01T00:00:00.012", test_from="1970-01-01T00:00:00.014")
    card = card_of(
        store(tmp_path, min_item_events=2), split, prepare=Prepare(min_item_events=2)
    ) | {"notes": ["three ids are padded"]}
    assert card["leaks"] == ["prepare.min_item_events=2 counts held-out events"]
    told = markdown(card)
    assert (
        "2 of each item (min_item_events), before the split" in told and "- three ids are" in told
    )


@pytest.mark.parametrize(
    ("split", "single"),
    [
        (LeaveOneOut(), 0),
        (Temporal(valid_from="1970-01-01T00:00:00.006", test_from="1970-01-01T00:00:00.014"), 1),
    ],
    ids=["leave_one_out", "temporal"],
)
def test_the_parts_of_the_card_are_all_events(tmp_path, split, single):
    card = card_of(store(tmp_path), split)
    text = markdown(card)
    table = text[text.index("| part |") :].split("\n\n")[0].splitlines()[2:]
    assert sum(int(row.split("|")[2]) for row in table) == len(EVENTS)
    assert card["train_single"] == single
    assert ("Training sequences of one event: 1." in text) == bool(single)
