"""What an update learns from: batches of stretches whose every event is a target."""

import numpy as np
import pytest
import torch
from helpers.growing import stores
from hypothesis import given, settings
from hypothesis import strategies as st

from seqrec.batches import Columns, TrainBatches
from seqrec.store.views import View
from seqrec.window.last import Last
from seqrec.window.sliding import Sliding


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return stores(tmp_path_factory.mktemp("growing"))[1]


def targets(store, view, *, max_length, window, from_start=False):
    """The position of each target, with the number of events of its user that are seen before."""
    columns = Columns(store, torch.device("cpu"), ratings=False)
    batches = TrainBatches(
        columns=columns, view=view, window=window, max_length=max_length, size=4, seed=0,
        from_start=from_start, within=True,
    )  # fmt: skip
    found = {}
    for start, end, prefix in zip(batches.start, batches.end, batches.prefix, strict=True):
        for position in range(start + prefix + 1, end + 1):
            assert position not in found
            found[position] = position - start
    return found


@settings(max_examples=20, deadline=None)
@given(data=st.data(), max_length=st.integers(1, 9), from_start=st.booleans())
def test_every_event_is_a_target_once_and_sees_what_fits(store, data, max_length, from_start):
    user = data.draw(st.lists(st.integers(0, store.n_users - 1), min_size=1, max_size=5, unique=True))
    user = np.sort(np.array(user))
    first, last = store.offset[user], store.offset[user + 1]
    start = first + np.array([data.draw(st.integers(0, int(n) - 1)) for n in last - first])
    end = start + np.array([data.draw(st.integers(1, int(n))) for n in last - start])
    view = View(user, start, end)
    if not from_start and not (np.maximum(start, first + 1) < end).any():
        return
    found = targets(store, view, max_length=max_length, window=Sliding(stride=1), from_start=from_start)
    own = [p for p in view.positions() if from_start or p not in set(first)]
    assert sorted(found) == own
    for position, seen in found.items():
        before = position - store.offset[np.searchsorted(store.offset, position, side="right") - 1]
        assert seen == min(max_length, before + from_start)


def test_the_last_window_takes_the_latest_of_a_long_stretch(store):
    begin, end = store.offset[:2]
    view = View(np.array([0]), np.array([begin]), np.array([end]))
    found = targets(store, view, max_length=5, window=Last())
    assert sorted(found) == list(range(end - 5, end))
