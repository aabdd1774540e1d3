"""Outcomes count for the slot that showed their item, in time."""

import pytest
from helpers.feedback import outcome, slate

from seqrec.feedback import Log, attribute, read_log

MINUTE = 60_000


@pytest.fixture
def joined(tmp_path):
    """Write outcomes to two slates that are shown at minute 100, and attribute them."""

    def join(*outcomes, **options):
        log = Log(tmp_path / "log")
        log.write([slate("r1", time=100 * MINUTE), slate("r2", time=100 * MINUTE)])
        log.write([outcome(f"e{n}", **each) for n, each in enumerate(outcomes)])
        log.close()
        return attribute(read_log(log.folder), **options)

    return join


def at(minute, **fields):
    return {"request_id": "r1", "time": minute * MINUTE, **fields}


def test_values_of_a_slot_add_up(joined):
    slates, counts = joined(at(101, item="b"), at(102, item="b", value=2.0), at(103))
    assert slates["rewards"].to_list() == [[1.0, 3.0], [0.0, 0.0]]
    assert counts["counted"] == 3


@pytest.mark.parametrize(
    ("change", "fate"),
    [
        ({"time": 131 * MINUTE}, "late"),
        ({"time": 99 * MINUTE}, "early"),
        ({"request_id": "gone"}, "orphans"),
        ({"request_id": None}, "orphans"),
        ({"item": "elsewhere"}, "orphans"),
        ({"event": "view"}, "other"),
    ],
)
def test_what_doesnt_count_is_counted_apart(joined, change, fate):
    slates, counts = joined({**at(101), **change})
    assert slates["rewards"].to_list() == [[0.0, 0.0], [0.0, 0.0]]
    assert counts == {**dict.fromkeys(counts, 0), fate: 1}


def test_the_window_and_the_event_can_be_chosen(joined):
    slates, counts = joined(at(131, event="buy"), at(101), window=60 * MINUTE, event="buy")
    assert slates["rewards"].to_list()[0] == [1.0, 0.0]
    assert counts["other"] == 1
    assert joined(window=60 * MINUTE, event=None)[0]["rewards"].to_list()[0] == [2.0, 0.0]
