"""Counted models: golden scores by naive loops, invariances, and whole runs."""

import math
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
import torch
from helpers.commands import told
from helpers.components import ITEMS, LENGTH, component, names
from helpers.experiments import root, store_of

from seqrec.counts import table as tables
from seqrec.counts import training as trainings
from seqrec.counts.table import Rows, Table, packed
from seqrec.counts.training import Training
from seqrec.errors import ConfigError, DataError
from seqrec.experiment.assemble import build_experiment

BASELINES = names("baseline")


def sequences(count: int = 30, *, seed: int = 0) -> list[list[int]]:
    rng = np.random.default_rng(seed)
    weight = 1 / np.arange(1, ITEMS + 1)
    return [
        rng.choice(ITEMS, rng.integers(2, 9), p=weight / weight.sum()).__add__(1).tolist()
        for _ in range(count)
    ]


def training(rows: list[list[int]], *, timed: bool = True) -> Training:
    item = np.concatenate(rows).astype(np.int64)
    offset = np.concatenate([[0], np.cumsum([len(row) for row in rows])])
    return Training(item, offset, np.arange(len(item)) if timed else None, ITEMS)


def counted(name: str, rows: list[list[int]], **changes):
    baseline = component("baseline", name, **changes)
    baseline.count(training(rows), lambda option: 0.0)
    return baseline


def histories() -> tuple[torch.Tensor, torch.Tensor]:
    rows = [[3, 1, 3, 2], [5], [ITEMS, 4, 4]]
    item_BL = torch.zeros(len(rows), LENGTH, dtype=torch.int64)
    for at, row in enumerate(rows):
        item_BL[at, : len(row)] = torch.tensor(row)
    return item_BL, torch.tensor([len(row) for row in rows])


def scores(baseline, item_BL, length_B) -> torch.Tensor:
    query = baseline.query(item_BL, length_B)
    return baseline.table.block(query, 0, ITEMS + 1)


# contract -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BASELINES)
def test_scores_know_nothing_of_padding_or_batch(name):
    baseline, (item_BL, length_B) = counted(name, sequences()), histories()
    together = scores(baseline, item_BL, length_B)
    for row in range(len(length_B)):
        length = length_B[row : row + 1]
        alone = scores(baseline, item_BL[row : row + 1, : int(length)], length)
        torch.testing.assert_close(together[row : row + 1], alone)


@pytest.mark.parametrize("name", BASELINES)
def test_blocks_chosen_items_and_checkpoints_give_the_same_scores(name, monkeypatch):
    baseline, (item_BL, length_B) = counted(name, sequences()), histories()
    query, whole = baseline.query(item_BL, length_B), scores(baseline, item_BL, length_B)
    shelf = baseline.table
    monkeypatch.setattr(tables, "ENTRIES", 1)  # one query at a time
    parts = [shelf.block(query, at, min(at + 6, ITEMS + 1)) for at in range(0, ITEMS + 1, 6)]
    torch.testing.assert_close(torch.cat(parts, dim=1), whole)
    chosen = torch.tensor([2, 7, 1])
    torch.testing.assert_close(shelf.score(query, chosen), whole[range(3), chosen])
    torch.testing.assert_close(shelf.score_shared(query, chosen), whole[:, chosen])
    again = component("baseline", name)
    again.load_state_dict(baseline.state_dict())
    assert torch.equal(scores(again, item_BL, length_B), whole)


@pytest.mark.parametrize("name", BASELINES)
def test_weights_are_a_distribution_over_the_history_or_nothing(name):
    item_BL, length_B = histories()
    alpha_BL = counted(name, sequences()).weights(item_BL, length_B)
    assert alpha_BL.shape == item_BL.shape
    assert not alpha_BL[torch.arange(LENGTH) >= length_B[:, None]].any()
    total = alpha_BL.sum(1)
    assert torch.allclose(total, total[0].round().expand(3), atol=1e-6)


# golden -------------------------------------------------------------------------------------------


def test_markov_is_the_smoothed_share_of_transitions():
    rows = sequences()
    pairs = Counter(pair for row in rows for pair in pairwise(row))
    events = Counter(item for row in rows for item in row)
    n = sum(events.values())
    got = scores(counted("markov", rows, smoothing=[2.0]), *histories())
    for row, last in enumerate([2, 5, 4]):
        leaving = sum(count for (first, _), count in pairs.items() if first == last)
        for item in range(1, ITEMS + 1):
            want = (pairs[last, item] + 2 * events[item] / n) / (leaving + 2)
            assert got[row, item] == pytest.approx(want, abs=2 / n / (leaving + 2))
    assert got[:, 1:].sum(1).tolist() == pytest.approx([1, 1, 1], abs=0.1)


def test_markov_keeps_the_most_frequent_successors():
    rows = [[1, 2], [1, 2], [1, 3], [1, 4], [1, 4], [1, 4]]
    history = torch.tensor([[1]]), torch.tensor([1])
    baseline = counted("markov", rows, neighbours=2, smoothing=[1e-6])
    got = scores(baseline, *history)[0]
    assert got[4] > got[2] > 0.3 and got[3] < 1e-6


def test_item_knn_is_the_cosine_of_users():
    rows = sequences()
    users = {i: {u for u, row in enumerate(rows) if i in row} for i in range(1, ITEMS + 1)}

    def like(i: int, j: int) -> float:
        if i == j:
            return 0.0
        return len(users[i] & users[j]) / (math.sqrt(len(users[i]) * len(users[j])) + 10)

    got = scores(counted("item_knn", rows, decays=[0.5]), *histories())
    for item in range(1, ITEMS + 1):
        want = 0.125 * like(3, item) + 0.25 * like(1, item) + 0.5 * like(3, item) + like(2, item)
        assert got[0, item] == pytest.approx(want, abs=2e-6)


def test_session_knn_adds_up_the_most_similar_sessions():
    rows = sequences()
    latest = {3: 3 / 4, 1: 2 / 4, 2: 1.0}  # of the first history, where each item stands last

    def like(row: list[int]) -> float:
        return sum(w for i, w in latest.items() if i in row) / math.sqrt(len(set(row)))

    nearest = sorted(rows, key=like, reverse=True)[:4]
    got = scores(counted("session_knn", rows, neighbours=4), *histories())
    assert like(sorted(rows, key=like, reverse=True)[4]) < like(nearest[3])  # no tie at the edge
    for item in range(1, ITEMS + 1):
        want = sum(like(row) for row in nearest if item in row)
        assert got[0, item] == pytest.approx(want, abs=2e-6)


def test_recent_popularity_takes_the_share_that_validation_likes():
    rows = [[1, 1, 1], [1, 1, 1], [2, 2, 3]]
    baseline = component("baseline", "recent_popularity", shares=[1.0, 0.3, 0.1])
    values = {"shares=1": 0.1, "shares=0.3": 0.3, "shares=0.1": 0.2}
    baseline.count(training(rows), values.__getitem__)
    assert float(baseline.share) == pytest.approx(0.3)
    assert scores(baseline, *histories())[0].argmax() == 2
    with pytest.raises(DataError, match="timestamps"):
        baseline.count(training(rows, timed=False), lambda option: 0.0)
    with pytest.raises(ConfigError, match=r"baseline\.shares"):
        component("baseline", "recent_popularity", shares=[0.0])


def test_items_together_are_counted_alike_however_few_at_a_time(monkeypatch):
    once = training(sequences()).distinct()
    [(first, whole)] = once.together()
    assert first == 1 and whole.shape == (ITEMS, ITEMS + 1)
    holds = np.zeros((len(once.offset) - 1, ITEMS + 1), dtype=int)
    holds[once.sequence, once.item] = 1
    assert (whole == (holds.T @ holds)[1:]).all()
    for name, value in (("PAIRS", 20), ("CELLS", 3 * (ITEMS + 1))):
        monkeypatch.setattr(trainings, name, value)
        parts = list(once.together())
        assert len(parts) > 3
        assert (np.concatenate([part for _, part in parts]) == whole).all()


def test_a_table_without_entries_ranks_by_popularity():
    shelf = Table(ITEMS)
    shelf.fill(packed(*(np.zeros(0, dtype=int),) * 3, rows=2, most=5), torch.arange(ITEMS + 1))
    query = Rows(torch.zeros(1, 1, dtype=torch.int64), torch.ones(1, 1), torch.ones(1))
    assert shelf.block(query, 0, ITEMS + 1)[0].argmax() == ITEMS
    assert shelf.score(query, torch.tensor([4])) == 4


# runs ---------------------------------------------------------------------------------------------


def test_a_baseline_has_nothing_of_what_is_trained():
    said = told("model=markov", "encoder=lstm", "trainer=ddp", "optimizer.lr=1e-3")
    assert "encoder: a baseline is counted" in said and "counted in one process" in said
    assert "optimizer" in said
    assert "head=null: choose one of additive, " in told("head=null")


def test_only_training_events_are_counted(tmp_path):
    config = root("model=markov")
    store = store_of(config, tmp_path)
    experiment = build_experiment(config, store)
    seen = Training.of(store, experiment.splits.train)
    lengths = np.diff(store.offset)
    assert len(seen.item) == (lengths - 2).sum()  # leave-one-out holds out two of each user
    at = store.offset[3]
    first = seen.offset[3]
    assert (seen.item[first : seen.offset[4]] == store.item[at : at + lengths[3] - 2]).all()
