"""Ids that keep the numbers of an earlier preparation."""

import numpy as np
import polars as pl
import pytest
from helpers.growing import SINCE, stores
from hypothesis import given, settings
from hypothesis import strategies as st

from seqrec.config.schema import Prepare
from seqrec.raw.source import Interactions, Known
from seqrec.store.encode import encode

IDS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 8)), min_size=1, max_size=40)


def encoded(events, known=None, **prepare):
    """The arrays and tables of events (user, item, time)."""
    frame = pl.LazyFrame(events, schema=["user", "item", "timestamp"], orient="row")
    frame = frame.with_columns(pl.col("user", "item").cast(pl.String))
    return encode(Interactions(frame, known=known), Prepare(**prepare), "test")


def known_of(made, since):
    return Known(made["items"]["item"], made["users"]["user"], since)


@settings(max_examples=25, deadline=None)
@given(before=IDS, later=IDS, order=st.randoms(use_true_random=False))
def test_items_keep_their_numbers_in_whatever_order_the_newer_file_has_them(before, later, order):
    old = [(u, i, t) for t, (u, i) in enumerate(before)]
    new = [*old, *((u, i + 4, 100 + t) for t, (u, i) in enumerate(later))]
    first = encoded(old)
    order.shuffle(new)
    second = encoded(new, known_of(first, 100))
    items = second["items"]["item"]
    assert items.head(len(first["items"])).equals(first["items"]["item"])
    assert items.n_unique() == len(items) and second["items"]["index"].to_list() == list(
        range(1, len(items) + 1)
    )
    names = items.gather(second["arrays"]["item"] - 1).to_list()
    user = np.repeat(np.arange(len(second["users"])), np.diff(second["arrays"]["offset"]))
    users = second["users"]["user"].gather(user).to_list()
    times = second["arrays"]["timestamp"].tolist()
    assert sorted(zip(users, names, times, strict=True)) == sorted(
        (str(u), str(i), t) for u, i, t in new
    )


def test_what_the_earlier_preparation_left_out_stays_out():
    old = [(u, i, 10 * u + i) for u in range(3) for i in range(3)] + [(9, 7, 50)]
    first = encoded(old, k_core=2)
    new = [*old, (9, 0, 100), (9, 1, 101), (0, 7, 102), (1, 7, 103)]
    second = encoded(new, known_of(first, 100), k_core=2)
    assert "7" not in first["items"]["item"].to_list()
    assert second["items"]["item"].to_list()[-1] == "7"  # it has enough events by now
    at = second["users"]["user"].to_list().index("9")
    begin, end = second["arrays"]["offset"][at : at + 2]
    assert second["arrays"]["timestamp"][begin:end].tolist() == [100, 101]  # and not 50


def test_an_item_without_an_event_keeps_its_place():
    first = encoded([(0, 5, 1), (1, 6, 2), (1, 5, 3)])
    known = Known(first["items"]["item"], pl.Series(["0", None]), 10)
    second = encoded([(0, 5, 1), (1, 6, 2), (1, 5, 3), (0, 7, 11)], known)
    assert second["items"]["item"].to_list() == ["5", "6", "7"]
    assert second["arrays"]["item"].tolist() == [1, 3] and second["users"]["user"].to_list() == [
        "0"
    ]


def test_sessions_are_known_by_their_own_names():
    minute = 60_000
    old = [(0, 1, 0), (0, 2, minute), (0, 3, 100 * minute)]
    first = encoded(old, session_gap=30, min_session_events=2)
    assert first["users"]["user"].to_list() == ["0/1"]
    new = [*old, (0, 1, 101 * minute), (0, 2, 102 * minute)]
    second = encoded(new, known_of(first, 101 * minute), session_gap=30, min_session_events=2)
    assert second["users"]["user"].to_list() == ["0/1", "0/2"]
    assert second["arrays"]["timestamp"].tolist() == [0, minute, 101 * minute, 102 * minute]


def test_a_grown_source_begins_as_the_one_before(tmp_path):
    before, after = stores(tmp_path)
    head = after.items().head(before.n_items)
    assert head.select("index", "item", "title").equals(
        before.items().select("index", "item", "title")
    )
    assert after.n_items > before.n_items
    assert (np.asarray(after.timestamp) < SINCE).sum() == before.n_interactions


def test_the_ids_are_data_that_may_be_damaged(tmp_path):
    from seqrec.errors import DataError
    from seqrec.update.source import read_known

    path = tmp_path / "known.parquet"
    for content in (b"", b"PAR1 and no more", b"\0" * 100):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"known\.parquet can't be read"):
            read_known(path)
    pl.DataFrame({"since": [1], "items": [["a", "a"]], "users": [["u"]]}).write_parquet(path)
    with pytest.raises(DataError, match="each once"):
        read_known(path)
