"""Fewest events of users, items and sessions, and lines that are there twice."""

import numpy as np
import polars as pl
import pytest

from seqrec.config.check.combine import conflicts
from seqrec.config.schema import Prepare, Repeats
from seqrec.errors import DataError
from seqrec.raw.source import Interactions
from seqrec.store.encode import encode
from seqrec.store.steps import costliest

MINUTE = 60_000


def encoded(rows: list[tuple], **settings):
    names = ("user", "item", "timestamp", "_part")[: len(rows[0])]
    frame = pl.DataFrame(rows, schema=names, orient="row")
    if "timestamp" in names:
        frame = frame.with_columns(pl.col("timestamp").cast(pl.Int64))
    if "_part" in names:
        frame = frame.with_columns(pl.col("_part").cast(pl.Int8))
    return encode(Interactions(frame.lazy()), Prepare(**settings), "mine")


def events_of(made) -> list[tuple[str, str]]:
    of_user = np.repeat(np.arange(len(made["users"])), np.diff(made["arrays"]["offset"]))
    users, items = made["users"]["user"].gather(of_user), made["items"]["item"]
    return sorted(zip(users, items.gather(made["arrays"]["item"] - 1), strict=True))


def steps_of(made) -> list[str]:
    return [step["step"] for step in made["report"]["steps"]]


@pytest.mark.parametrize(
    ("settings", "of_user", "of_item", "step"),
    [
        ({"min_user_events": 3}, 3, 0, "min_user_events"),
        ({"min_item_events": 4}, 0, 4, "min_item_events"),
        (
            {"min_user_events": 2, "min_item_events": 5},
            2,
            5,
            "min_user_events and min_item_events",
        ),
        ({"k_core": 4, "min_user_events": 2}, 2, 4, "min_user_events and k_core"),
        ({"k_core": 4, "min_item_events": 0}, 4, 0, "k_core"),
    ],
)
def test_minima_agree_with_a_naive_loop(settings, of_user, of_item, step):
    rng = np.random.default_rng(0)
    pairs = sorted({(f"{u}", f"{i}") for u, i in rng.zipf(1.6, (1500, 2)) if u < 90 and i < 90})
    left = pairs
    while True:
        users, items = ([pair[side] for pair in left] for side in (0, 1))
        kept = [p for p in left if users.count(p[0]) >= of_user and items.count(p[1]) >= of_item]
        if kept == left:
            break
        left = kept
    made = encoded(pairs, **settings)
    assert 0 < len(left) < len(pairs)
    assert events_of(made) == left
    assert steps_of(made) == ["raw", step]
    assert made["report"]["steps"][-1]["interactions"] == len(left)


def test_sessions_and_their_users_have_minima_of_their_own():
    rows = [("a", "x", 0), ("a", "y", 1), ("a", "x", 90 * MINUTE), ("b", "x", 0), ("b", "y", 1)]
    of_sessions = encoded(rows, session_gap=30, min_session_events=2)
    assert of_sessions["users"]["user"].to_list() == ["a/1", "b/1"]
    assert steps_of(of_sessions) == ["raw", "session_gap", "min_session_events"]
    of_users = encoded(rows, session_gap=30, min_user_events=3)
    assert of_users["users"]["user"].to_list() == ["a/1", "a/2"]


def test_minima_that_leave_nothing_are_named_with_the_numbers():
    rows = [("a", "x", 1), ("a", "y", 2), ("b", "x", 3)]
    with pytest.raises(DataError) as refused:
        encoded(rows, k_core=5, min_item_events=3)
    told = str(refused.value)
    assert "2 users (of at most 2 events), 2 items (of at most 2) and 3 interactions" in told
    assert "prepare.k_core=5 and prepare.min_item_events=3" in told
    assert "lower k_core, or set prepare.k_core=0" in told


def test_a_minimum_of_sessions_needs_sessions():
    [said] = conflicts({"prepare": {"min_session_events": 2, "session_gap": None}})
    assert "prepare.session_gap" in said and "prepare.min_user_events" in said
    assert not list(conflicts({"prepare": {"min_session_events": 2, "session_gap": 30}}))
    assert not list(conflicts({"prepare": {"k_core_before": "2020", "min_item_events": 5}}))


def test_minima_of_given_parts_hold_for_the_training_part():
    rows = [
        ("a", "x", 1, 0),
        ("b", "x", 1, 0),
        ("a", "y", 2, 0),
        ("a", "y", 3, 1),
        ("c", "z", 4, 2),
    ]
    made = encoded(rows, min_item_events=2)
    assert events_of(made) == [("a", "x"), ("a", "y"), ("b", "x"), ("c", "z")]
    assert made["arrays"]["part"].tolist() == [0, 1, 0, 2]


# repeated lines -----------------------------------------------------------------------------------


def test_lines_that_repeat_another_are_counted_and_kept():
    rows = [
        ("a", "x", 5),
        ("a", "y", 5),
        ("a", "x", 5),
        ("a", "x", 5),
        ("b", "x", 5),
        ("a", "x", 6),
    ]
    made = encoded(rows)
    assert len(made["arrays"]["item"]) == 6
    [note] = made["report"]["notes"]
    assert note.startswith("2 of 6 events repeat another of the same user, item and time; they are")
    [note] = encoded(rows, repeats=Repeats.first)["report"]["notes"]
    assert note.endswith("item and time")


def test_without_times_a_repeat_may_be_another_visit():
    assert encoded([("a", "x"), ("a", "x")])["report"]["notes"] == []


def test_the_step_that_left_out_the_most_is_named():
    counts = [
        {"step": "raw", "users": 9, "items": 1_000},
        {"step": "min_rating", "users": 9, "items": 990},
        {"step": "k_core", "users": 9, "items": 3},
    ]
    assert costliest(counts, "items") == "prepare.k_core left 3 of 990 items"
    assert costliest(counts, "users") is None and costliest(counts[:1], "items") is None
