"""Counted models: golden scores by naive loops, invariances, and whole runs."""

import dataclasses
import math
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
import torch
from helpers.commands import told
from helpers.components import ITEMS, component, names
from helpers.counts import counted, histories, scores, sequences, training
from helpers.experiments import root, store_of

from seqrec.counts import training as trainings
from seqrec.counts.table import Rows, Table, packed
from seqrec.counts.training import Training
from seqrec.errors import ConfigError, DataError
from seqrec.experiment.assemble import build_experiment
from seqrec.ranking.rank import rank_targets
from seqrec.split.leave_one_out import LeaveOneOut

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
    order_V = torch.arange(ITEMS + 1.0)
    entries = packed(*(np.zeros(0, dtype=int),) * 3, rows=2, most=5, order_V=order_V)
    shelf.fill(entries, order_V)
    query = Rows(torch.zeros(1, 1, dtype=torch.int64), torch.ones(1, 1), torch.ones(1))
    assert shelf.block(query, 0, ITEMS + 1)[0].argmax() == ITEMS
    assert shelf.score(query, torch.tensor([4])) == 4


# runs ---------------------------------------------------------------------------------------------


def test_a_baseline_has_nothing_of_what_is_trained():
    said = told("model=markov", "encoder=lstm", "trainer=ddp", "optimizer.lr=1e-3")
    assert "encoder: a baseline is counted" in said and "counted in one process" in said
    assert "optimizer" in said
    assert "head=null: choose one of adaptive, additive, " in told("head=null")


def test_only_training_events_are_counted(tmp_path):
    config = root("model=markov")
    store = store_of(config, tmp_path)
    experiment = build_experiment(config, store)
    seen = Training.of(store, experiment.splits.train)
    lengths = np.diff(store.offset)
    assert len(seen.item) == (lengths - 2).sum()  # leave-one-out holds out two of each user
    user = store.users()["user"].arg_sort()[3]  # sequences lie in the order of the users' ids
    at = store.offset[user]
    first = seen.offset[3]
    assert (seen.item[first : seen.offset[4]] == store.item[at : at + lengths[user] - 2]).all()


@pytest.fixture(scope="module")
def shuffled(tmp_path_factory):
    """Two stores of the same events, whose files have them in different orders."""
    rng, folder = np.random.default_rng(3), tmp_path_factory.mktemp("shuffled")
    rows = [f"u{n % 40},i{rng.integers(30)},{1_700_000_000 + n}" for n in range(300)]
    stores = []
    for at, given in enumerate((rows, rng.permutation(rows))):
        path = folder / f"{at}.csv"
        path.write_text("\n".join(["user_id,item_id,timestamp", *given]))
        config = root("data=files", f"data.path={path}", "prepare.k_core=0")
        stores.append(store_of(config, folder))
    return stores


@pytest.mark.parametrize("name", names("baseline"))
def test_the_order_of_a_files_rows_changes_no_list(name, shuffled):
    lists = []
    for store in shuffled:
        baseline = component("baseline", name, n_items=store.n_items)
        baseline.count(Training.of(store, LeaveOneOut()(store).train), lambda option: 0.0)
        ids = ["", *store.items()["item"]]
        item_BL = torch.tensor([[ids.index("i3"), ids.index("i14"), ids.index("i9")]])
        query = baseline.query(item_BL, torch.tensor([3]))
        top_BK = rank_targets(query, baseline.table, item_BL[:, 0], k=30).top_BK
        lists.append([ids[item] for item in top_BK[0]])
    assert lists[0] == lists[1]


def test_recent_popularity_takes_all_events_of_one_time():
    given = dataclasses.replace(training([[1, 2], [3, 3]]), timestamp=np.array([0, 5, 5, 5]))
    baseline = component("baseline", "recent_popularity", shares=[0.25])
    baseline.count(given, lambda option: 0.0)
    assert baseline.table.base_V.argsort(descending=True)[:3].tolist() == [3, 2, 1]


@pytest.mark.parametrize("name", ["markov", "item_knn"])
def test_of_equal_neighbours_the_more_popular_is_kept(name):
    baseline = counted(name, [[1, 2], [1, 3, 3]], neighbours=1)
    assert baseline.table.item_RK[1].tolist() == [3]


def test_a_counted_file_of_an_older_version_is_read():
    baseline, again = counted("markov", sequences()), component("baseline", "markov")
    state = baseline.state_dict()
    del state["table.rest_V"]
    again.load_state_dict(state)
    assert torch.equal(again.table.base_V, baseline.table.base_V)
