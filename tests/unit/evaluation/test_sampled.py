"""Sampled negatives: what is drawn, and that their metrics stay beside the full ranking's."""

import numpy as np
import pytest
import torch
from helpers.commands import told
from helpers.experiments import root, store_of

from seqrec.catalogue import Catalogue
from seqrec.config.schema import SampledBy
from seqrec.counts.table import Rows, Table
from seqrec.errors import ConfigError
from seqrec.experiment.assemble import build_experiment
from seqrec.ranking import sampled as sampled_module
from seqrec.ranking.rank import rank_among, rank_targets
from seqrec.ranking.sampled import draw_negatives
from seqrec.store.views import View

V = 51
ITEM = np.random.default_rng(0).integers(1, V, size=600).astype(np.int32)
END = np.arange(19, 600, 20)
VIEW = View(np.arange(30), END - 19, END)
UNIFORM = np.ones(V) - (np.arange(V) == 0)


def drawn(weight_V=UNIFORM, *, number=10, key="a 1", view=VIEW):
    return draw_negatives(ITEM, view, weight_V, name="sampled10", number=number, key=key)


def test_negatives_are_different_items_that_the_user_never_had():
    found = drawn().item_RS.numpy()
    assert found.shape == (30, 10)
    for row, (start, end) in enumerate(zip(VIEW.start, VIEW.end, strict=True)):
        assert len(set(found[row])) == 10 and found[row].min() > 0
        assert not set(found[row]) & set(ITEM[start : end + 1])


def test_they_are_a_function_of_the_key_and_the_event_alone(monkeypatch):
    whole = drawn()
    assert whole.hash == drawn().hash != drawn(key="a 2").hash
    monkeypatch.setattr(sampled_module, "MAX_AT_ONCE", 3 * V)
    assert torch.equal(drawn().item_RS, whole.item_RS)
    some = np.array([7, 3])
    assert torch.equal(drawn(view=VIEW.take(some)).item_RS, whole.item_RS[some])


def test_where_few_items_are_left_all_of_them_are_drawn():
    found = drawn(number=45).item_RS.numpy()
    for row, (start, end) in enumerate(zip(VIEW.start, VIEW.end, strict=True)):
        left = set(range(1, V)) - set(ITEM[start : end + 1])
        assert set(found[row]) - {0} == left and (found[row] == 0).sum() == 45 - len(left)


def test_chances_go_by_weights():
    """One draw from four items, of which one can't be drawn and one is drawn as often as both."""
    view = View(np.arange(600), np.arange(600), np.arange(600))
    weight_V = np.array([0.0, 1, 1, 2, 0])
    item = np.zeros(600, dtype=np.int32)
    found = draw_negatives(item, view, weight_V, name="s", number=1, key="k").item_RS.numpy()
    assert np.bincount(found.ravel(), minlength=5) / 600 == pytest.approx(
        [0, 0.25, 0.25, 0.5, 0], abs=0.06
    )


def test_a_rank_among_all_other_items_is_the_full_rank():
    query, shelf = torch.randn(8, 4), Catalogue(torch.randn(V, 4), torch.randn(V))
    target = torch.randint(1, V, (8,))
    row, item = torch.arange(8).repeat_interleave(3), torch.randint(1, V, (24,))
    allowed = torch.rand(V) > 0.1
    policy = {"seen_row_P": row, "seen_item_P": item, "candidate_V": allowed}
    others = torch.arange(1, V).repeat(8, 1)
    others[others == target[:, None]] = 0
    full = rank_targets(query, shelf, target, k=5, **policy).rank_B
    may = allowed[others] & (others > 0)
    for b, seen in zip(row.tolist(), item.tolist(), strict=True):
        may[b] &= others[b] != seen
    found = rank_among(query, shelf, target, others.masked_fill(~may, 0), **policy)
    reachable = full < V - 1
    assert torch.equal(found[reachable], full[reachable])
    assert (found[~reachable] == 1 + may[~reachable].sum(1)).all()  # a miss is below them all


def test_a_table_scores_own_items_of_each_query():
    table = Table(V - 1)
    entries = torch.randint(1, V, (6, 9), dtype=torch.int32), torch.rand(6, 9)
    table.fill(entries, torch.rand(V))
    query = Rows(torch.randint(6, (5, 2)), torch.rand(5, 2), torch.rand(5))
    item = torch.randint(1, V, (5, 7))
    one_by_one = torch.stack([table.score(query, item[:, at]) for at in range(7)], dim=1)
    torch.testing.assert_close(table.score(query, item), one_by_one)


def test_what_is_asked_for_has_to_make_sense(tmp_path):
    assert "evaluation.sampled=-1: must be at least 0" in told("evaluation.sampled=-1")
    assert "needs evaluation.sampled;" in told("evaluation.sampled_by=popularity")
    monitored = told("evaluation.sampled=100", "evaluation.monitor=sampled100_ndcg@10")
    assert "evaluation.monitor=sampled100_ndcg@10 isn't computed" in monitored
    config = root("evaluation.sampled=100")
    store = store_of(config, tmp_path)
    with pytest.raises(ConfigError, match="100 items can be ranked"):
        build_experiment(config, store)
    config.evaluation.sampled = 20
    uniform = build_experiment(config, store).task.negatives
    config.evaluation.sampled_by = SampledBy.popularity
    popular = build_experiment(config, store).task.negatives
    assert (uniform.name, popular.name) == ("sampled20", "sampled20pop")
    assert uniform.hash != popular.hash
