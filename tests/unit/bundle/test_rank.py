"""Best items and ranks over a table, as evaluation has them."""

import numpy as np
import torch

from seqrec.bundle import rank as module
from seqrec.bundle.rank import ranks, top_items
from seqrec.catalogue import Catalogue
from seqrec.ranking.rank import rank_targets

V, D, B = 60, 5, 9


def case(*, ties: bool):
    rng = np.random.default_rng(3)
    table_VD = rng.normal(size=(V, D)).astype(np.float32)
    if ties:
        table_VD[30:] = table_VD[:30]
    bias_V = np.zeros(V, dtype=np.float32)
    allowed_V = rng.random(V) < 0.8
    allowed_V[0] = False
    seen = [np.unique(rng.integers(1, V, 6)) for _ in range(B)]
    return rng.normal(size=(B, D)).astype(np.float32), table_VD, bias_V, allowed_V, seen


def test_ranks_and_lists_are_those_of_the_evaluation(monkeypatch):
    monkeypatch.setattr(module, "SCORES", 7 * B)  # many blocks
    for ties in (False, True):
        query_BD, table_VD, bias_V, allowed_V, seen = case(ties=ties)
        target_B = np.arange(1, 1 + B) * 6
        expected = rank_targets(
            torch.from_numpy(query_BD),
            Catalogue(torch.from_numpy(table_VD), torch.from_numpy(bias_V)),
            torch.from_numpy(target_B),
            k=10,
            seen_row_P=torch.repeat_interleave(torch.arange(B), torch.tensor([*map(len, seen)])),
            seen_item_P=torch.from_numpy(np.concatenate(seen)),
            candidate_V=torch.from_numpy(allowed_V),
        )
        among = {"allowed_V": allowed_V, "masked": seen}
        item_BK, score_BK = top_items(query_BD, table_VD, bias_V, k=10, **among)
        np.testing.assert_allclose(score_BK, expected.top_score_BK, rtol=1e-5)
        if not ties:
            np.testing.assert_array_equal(item_BK, expected.top_BK)
        rank_B = ranks(query_BD, table_VD, bias_V, target_B, rounding=1e-6, **among)
        lost_B = expected.rank_B.numpy() >= V - 1
        np.testing.assert_array_equal(rank_B[~lost_B], expected.rank_B.numpy()[~lost_B])
        assert (rank_B[lost_B] == V).all()


def test_of_equal_items_the_first_is_listed_whatever_the_blocks_are(monkeypatch):
    query_BD, table_VD = np.ones((1, D), np.float32), np.ones((V, D), np.float32)
    allowed_V = np.arange(V) > 0
    for scores in (5, 1000):
        monkeypatch.setattr(module, "SCORES", scores)
        item_BK, _ = top_items(query_BD, table_VD, None, k=4, allowed_V=allowed_V)
        assert item_BK.tolist() == [[1, 2, 3, 4]]


def test_a_query_that_is_no_number_has_an_empty_list():
    query_BD = np.array([[np.nan] * D, [1.0] * D], dtype=np.float32)
    item_BK, score_BK = top_items(
        query_BD, np.ones((V, D), np.float32), None, k=2, allowed_V=np.arange(V) > 0
    )
    assert item_BK.tolist() == [[0, 0], [1, 2]]
    assert score_BK[0].tolist() == [-np.inf, -np.inf]


def test_one_query_reads_a_table_in_parts_as_many_do(monkeypatch):
    """A table that is converted while it is read isn't held whole, however few ask."""
    monkeypatch.setattr("seqrec.bundle.rank.ROWS", 7)
    table_VD = np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    read = []

    class Read:
        def __len__(self):
            return len(table_VD)

        def __getitem__(self, rows):
            read.append(rows.stop - rows.start)
            return table_VD[rows]

    query_BD, allowed_V = table_VD[3:4], np.arange(50) > 0
    found_BK, _ = top_items(query_BD, Read(), None, k=5, allowed_V=allowed_V)
    assert max(read) == 7 and sum(read) == 50
    assert found_BK[0].tolist() == (1 + np.argsort(-(table_VD @ query_BD[0])[1:])[:5]).tolist()
