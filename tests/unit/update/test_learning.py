"""What an update learns from: batches of stretches whose every event is a target."""

import numpy as np
import pytest
import torch
from helpers.growing import stores
from hypothesis import given, settings
from hypothesis import strategies as st

from seqrec.batches import TrainBatches
from seqrec.columns import Columns
from seqrec.store.views import View
from seqrec.window.last import Last
from seqrec.window.sliding import Sliding


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return stores(tmp_path_factory.mktemp("growing"))[1]


def batches(store, view, *, max_length, window, from_start=False):
    columns = Columns(store, torch.device("cpu"), ratings=False)
    given = {"view": view, "window": window, "max_length": max_length, "from_start": from_start}
    return TrainBatches(columns=columns, size=4, seed=0, within=True, **given)


def targets(made):
    """The positions of all targets."""
    segments = zip(made.start, made.end, made.prefix, strict=True)
    return [p for start, end, prefix in segments for p in range(start + prefix + 1, end + 1)]


@settings(max_examples=12, deadline=None)
@given(data=st.data(), max_length=st.integers(1, 9), from_start=st.booleans())
def test_every_event_is_a_target_once_and_sees_what_fits(store, data, max_length, from_start):
    user = data.draw(
        st.lists(st.integers(0, store.n_users - 1), min_size=1, max_size=5, unique=True)
    )
    user = np.sort(np.array(user))
    first, last = store.offset[user], store.offset[user + 1]
    start = first + np.array([data.draw(st.integers(0, int(n) - 1)) for n in last - first])
    end = start + np.array([data.draw(st.integers(1, int(n))) for n in last - start])
    view = View(user, start, end)
    if not from_start and not (np.maximum(start, first + 1) < end).any():
        return
    window = Sliding(stride=max(1, max_length // 2))
    made = batches(store, view, max_length=max_length, window=window, from_start=from_start)
    own = [p for p in view.positions() if from_start or p not in set(first)]
    assert sorted(targets(made)) == own
    begin = store.offset[np.searchsorted(store.offset, made.end, side="right") - 1] - from_start
    assert np.array_equal(made.start, np.maximum(begin, made.end - max_length))


def test_the_last_window_takes_the_latest_of_a_long_stretch(store):
    begin, end = store.offset[:2]
    view = View(np.array([0]), np.array([begin]), np.array([end]))
    assert sorted(targets(batches(store, view, max_length=5, window=Last()))) == list(
        range(end - 5, end)
    )
