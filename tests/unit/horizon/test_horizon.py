"""What follows a cut in time, and what lists are worth against it."""

import numpy as np
import pytest

from seqrec.errors import ConfigError
from seqrec.horizon.measure import Measured, difference, worth
from seqrec.horizon.picture import horizon_picture
from seqrec.horizon.protocol import next_events
from seqrec.store.views import Splits, View


class Store:
    """Three users, one after another."""

    item = np.array([1, 2, 3, 4, 3, 5, 1, 1, 2, 9, 2, 4], dtype=np.int32)
    offset = np.array([0, 6, 10, 12])
    n_interactions = 12


def splits(test: View, *, cut: int | None = 1, candidates: int | None = None) -> Splits:
    candidate_V = None if candidates is None else np.arange(10) <= candidates
    nothing = View(*(np.empty(0, np.int64) for _ in range(3)))
    return Splits(nothing, nothing, test, candidate_V, "a protocol", cut=cut)


def view(*stretches: tuple[int, int, int]) -> View:
    return View(*np.array(stretches, dtype=np.int64).T)


def test_the_next_events_begin_with_the_first_target_of_each_user():
    test = view((0, 0, 4), (0, 0, 2), (1, 6, 7), (2, 10, 11))
    events = next_events(Store, splits(test), 4)
    assert events.view.user.tolist() == [0, 1, 2] and events.view.end.tolist() == [2, 7, 11]
    assert events.item_RH.tolist() == [[3, 4, 0, 5], [1, 2, 9, 0], [4, 0, 0, 0]]
    assert events.left_out == 1, "item 3 comes twice"


def test_items_that_training_never_saw_are_left_out():
    events = next_events(Store, splits(view((0, 0, 2), (1, 6, 7)), candidates=4), 4)
    assert events.item_RH.tolist() == [[3, 4, 0, 0], [1, 2, 0, 0]]
    assert events.left_out == 3


def test_a_split_of_single_events_is_refused():
    with pytest.raises(ConfigError, match="holds out single events"):
        next_events(Store, splits(view((0, 0, 5)), cut=None), 3)
    with pytest.raises(ConfigError, match="no user a second event"):
        next_events(Store, splits(view((0, 0, 5), (2, 10, 11))), 3)


def test_the_worth_of_lists_worked_by_hand():
    item_Rn = np.array([[3, 7, 4], [8, 1, 0], [5, 6, 7]])
    next_RH = np.array([[4, 3, 9], [1, 0, 0], [1, 2, 0]])
    values, hit_H = worth(item_Rn, next_RH)
    most = 1 + 1 / np.log2(3) + 1 / 2
    assert values["ndcg"] == pytest.approx([(1 + 1 / 2) / most, 1 / np.log2(3), 0])
    assert values["recall"] == pytest.approx([2 / 3, 1, 0])
    assert values["hit_rate"].tolist() == [1, 1, 0]
    assert hit_H == pytest.approx([2 / 3, 1 / 2, 0])


def test_a_list_of_the_next_events_in_any_order_is_worth_one():
    rng = np.random.default_rng(0)
    next_RH = np.stack([rng.permutation(20)[:5] + 1 for _ in range(6)])
    values, hit_H = worth(rng.permuted(next_RH, axis=1), next_RH)
    assert all(value_R == pytest.approx(1) for value_R in values.values())
    assert hit_H == pytest.approx(1)


def test_differences_are_paired():
    rng = np.random.default_rng(1)
    hard_R = rng.random(400)
    one, other = (
        Measured({"ndcg": hard_R + plus}, np.zeros(1), {}, 0.0, np.zeros((400, 1)))
        for plus in (0.01, 0.0)
    )
    mean, low, high = difference(one, other, "ndcg")
    assert mean == pytest.approx(0.01) and low == pytest.approx(high, abs=1e-5)


def test_a_picture_has_a_line_for_each_generator():
    picture = horizon_picture({"topk": np.array([0.2, 0.1]), "a<b": np.array([0.1, 0.3])}, "title")
    assert picture.count("<path d='M") == 3 and "a&lt;b" in picture
