"""What is known, what can be asked for, and what strategies prefer."""

import numpy as np
import pytest
import torch

from seqrec.asking.pool import Pool
from seqrec.asking.strategies import STRATEGIES, Beliefs
from seqrec.split.leave_one_out import LeaveOneOut


@pytest.fixture
def pool(small):
    return Pool.begin(small, LeaveOneOut()(small), share=0.3, seed=0)


def shares(pool):
    """How many training events of each user are known, and how many there are."""
    train = pool.splits.train
    known = [pool.shown[a:b].sum() for a, b in zip(train.start, train.end, strict=True)]
    return np.array(known), train.end - train.start


def test_every_user_has_an_equal_share_and_at_least_two(pool):
    known, length = shares(pool)
    assert (known == np.minimum(length, np.maximum(2, np.round(0.3 * length)))).all()
    assert pool.shown.sum() + len(pool.hidden) == pool.store.n_interactions


def test_targets_are_never_hidden(pool):
    for view in (pool.splits.valid, pool.splits.test):
        assert pool.shown[view.end].all()


def test_what_is_worth_most_is_shown_first(pool):
    worth_N = np.random.default_rng(1).random(len(pool.hidden))
    after = pool.show(worth_N, share=0.6)
    known, length = shares(after)
    assert (known == np.minimum(length, np.maximum(2, np.round(0.6 * length)))).all()
    worth = dict(zip(pool.hidden.tolist(), worth_N, strict=True))
    for start, end in zip(pool.splits.train.start, pool.splits.train.end, strict=True):
        asked = [worth[at] for at in range(start, end) if at in worth and after.shown[at]]
        left = [worth[at] for at in range(start, end) if at in worth and not after.shown[at]]
        assert not asked or not left or min(asked) >= max(left)


def test_the_known_store_has_the_known_events_and_the_same_targets(pool):
    store, splits = pool.known()
    assert (store.item == pool.store.item[pool.shown]).all()
    assert store.n_interactions == pool.shown.sum() == store.offset[-1]
    for part in ("valid", "test"):
        before, after = getattr(pool.splits, part), getattr(splits, part)
        assert (store.item[after.end] == pool.store.item[before.end]).all()
        assert (after.user == before.user).all() and (after.end - after.start > 0).all()
    assert pool.store.n_interactions == len(pool.store.item)  # the whole one is as it was


def test_all_events_are_the_data_itself(small):
    splits = LeaveOneOut()(small)
    store, same = Pool.begin(small, splits, share=1.0, seed=0).known()
    assert (store.item == small.item).all() and (same.train.end == splits.train.end).all()


def beliefs(p, cut=0.1, spread=(0.0, 0.0, 0.0), count=(1, 2, 3), k=10):
    log_p = torch.tensor(p).log()
    return Beliefs(
        log_p, torch.full_like(log_p, cut).log(), torch.tensor(spread), torch.tensor(count), k
    )


def best(name, found):
    return int(STRATEGIES[name](found, torch.Generator().manual_seed(0)).argmax())


def test_strategies_prefer_what_they_say():
    # 1 - (1 - 0.067)^10 = 0.5: the answer that is hardest to guess
    assert best("entropy", beliefs([0.001, 0.067, 0.6])) == 1
    assert best("margin", beliefs([0.01, 0.09, 0.5])) == 1
    assert best("variance", beliefs([0.1, 0.1, 0.1], spread=(0.1, 0.3, 0.2))) == 1
    assert best("popularity", beliefs([0.1, 0.1, 0.1], count=(5, 9, 7))) == 1


def test_entropy_is_that_of_a_coin():
    found = STRATEGIES["entropy"](beliefs([0.25, 0.5, 1e-22], k=1), torch.Generator())
    assert found[0] == pytest.approx(0.5623, abs=1e-4)  # -(1/4 log 1/4 + 3/4 log 3/4)
    assert found[1] == pytest.approx(np.log(2)) and found[2] == pytest.approx(0, abs=1e-6)


def test_chance_is_seeded():
    found = [
        STRATEGIES["random"](beliefs([0.1] * 3), torch.Generator().manual_seed(4)) for _ in "ab"
    ]
    assert torch.equal(*found)
