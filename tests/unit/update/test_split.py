"""What an update learns, and the two periods that it is judged by."""

import numpy as np
import pytest
from helpers.components import names, node
from helpers.growing import SINCE, stores

from seqrec.config.make import make
from seqrec.errors import DataError
from seqrec.store.views import View
from seqrec.update.split import Continued, Earlier, _pieces, _runs

BASES = [name for name in names("split") if name != "given"]


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    return stores(tmp_path_factory.mktemp("growing"))


def base_of(name):
    shares = {"valid_share": 0.3, "test_share": 0.3} if name == "sessions" else {}
    return make({**node("split", name), **shares})


def events(store, view):
    """Users and times of targets, and of their first seen event."""
    users = store.users()["user"].gather(view.user).to_list()
    time = np.asarray(store.timestamp)
    return sorted(zip(users, time[view.start].tolist(), time[view.end].tolist(), strict=True))


@pytest.mark.parametrize("name", BASES)
def test_the_earlier_split_is_found_again_in_the_grown_data(both, name):
    before, after = both
    then, now = base_of(name)(before), Earlier(base=base_of(name), since=SINCE)(after)
    for part in ("valid", "test"):
        assert events(before, getattr(then, part)) == events(after, getattr(now, part))
    trained = [np.asarray(s.item)[v.train.positions()] for s, v in ((before, then), (after, now))]
    assert np.array_equal(*map(np.sort, trained))
    if then.candidate_V is not None:
        assert np.array_equal(then.candidate_V, now.candidate_V[: len(then.candidate_V)])
    assert not now.candidate_V[before.n_items + 1 :].any()


@pytest.mark.parametrize("name", BASES)
def test_no_held_out_event_trains(both, name):
    _, store = both
    split = Continued(base=base_of(name), since=SINCE, replay=3.0, piece=4)
    found, earlier = split(store), split.earlier(store)
    held = {*earlier.test.end, *found.valid.end, *found.test.end}
    assert not held & set(found.train.positions())
    learned = found.learned.positions()
    assert len(set(learned)) == len(learned) and set(learned) <= set(found.train.positions())
    assert (found.learned.end - found.learned.start).max() <= 4


def test_the_new_period_lies_after_all_training(both):
    _, store = both
    found = Continued(base=base_of("temporal"), since=SINCE)(store)
    time = np.asarray(store.timestamp)
    assert time[found.train.positions()].max() < time[found.valid.end].min()
    assert time[found.valid.end].max() < time[found.test.end].min()
    assert time[found.valid.end].min() >= SINCE
    assert (found.valid.start == store.offset[found.valid.user]).all()


def test_new_events_are_learned_and_replay_is_about_as_much_as_asked(both):
    _, store = both
    time = np.asarray(store.timestamp)
    sizes = {}
    for replay in (0.0, 0.5, 1.0, 100.0):
        found = Continued(base=base_of("temporal"), since=SINCE, replay=replay, piece=4)(store)
        new = set(found.train.positions()[time[found.train.positions()] >= SINCE])
        assert new <= set(found.learned.positions())
        sizes[replay] = len(found.learned.positions())
    assert sizes[0.0] < sizes[0.5] < sizes[1.0] < sizes[100.0]
    assert sizes[1.0] == pytest.approx(2 * sizes[0.0], abs=4)
    assert sizes[100.0] == len(found.train.positions())


def test_a_new_item_that_trains_can_be_recommended(both):
    before, store = both
    found = Continued(base=base_of("temporal"), since=SINCE)(store)
    trained = np.bincount(store.item[found.train.positions()], minlength=store.n_items + 1) > 0
    assert found.candidate_V[before.n_items + 1 :].any()
    assert np.array_equal(found.candidate_V[before.n_items + 1 :], trained[before.n_items + 1 :])


def test_the_card_says_which_periods_there_are(both):
    _, store = both
    [note] = Continued(base=base_of("temporal"), since=SINCE)(store).notes
    assert note.startswith("This run updates another. Old period: the ") and "New period" in note


def test_too_few_new_events_are_refused(both):
    _, store = both
    last = int(np.asarray(store.timestamp).max())
    with pytest.raises(DataError, match="no events from"):
        Continued(base=base_of("temporal"), since=last + 1)(store)
    with pytest.raises(DataError, match="wait for"):
        Continued(base=base_of("temporal"), since=last)(store)


def test_stretches_of_marked_events_end_with_their_user():
    which = np.array([1, 1, 0, 1, 1, 1, 0, 1], bool)
    found = _runs(which, np.array([0, 4, 4, 8]))
    expected = View(np.array([0, 0, 2, 2]), np.array([0, 3, 4, 7]), np.array([2, 4, 6, 8]))
    for name in ("user", "start", "end"):
        assert np.array_equal(getattr(found, name), getattr(expected, name))
    cut = _pieces(View(np.array([3]), np.array([5]), np.array([14])), 4)
    assert (cut.end - cut.start).tolist() == [4, 4, 1] and cut.user.tolist() == [3, 3, 3]
