"""Scores corrected for popularity where items are ranked, and untouched where they are learned."""

import pytest
import torch
from helpers.components import DIM, FACTS, ITEMS, component

from seqrec.config.make import make
from seqrec.errors import ConfigError

COUNT = torch.tensor([0, *range(1, ITEMS + 1)])


def scorer(power: float, **changes):
    return component("scorer", "corrected", power=power, **changes)


def test_in_evaluation_scores_lack_a_power_of_the_items_share():
    query_ND, table_VD = torch.randn(3, DIM), torch.randn(ITEMS + 1, DIM)
    plain = query_ND @ table_VD.T
    found = scorer(0.7).eval().catalogue(table_VD).block(query_ND, 0, ITEMS + 1)
    share_V = COUNT / COUNT.sum()
    torch.testing.assert_close(found[:, 1:], plain[:, 1:] - 0.7 * share_V[1:].log())


def test_in_training_and_without_power_they_are_those_of_the_scorer():
    query_ND, table_VD = torch.randn(3, DIM), torch.randn(ITEMS + 1, DIM)
    plain = query_ND @ table_VD.T
    for kind in (scorer(0.7).train(), scorer(0.0).eval()):
        torch.testing.assert_close(kind.catalogue(table_VD).block(query_ND, 0, ITEMS + 1), plain)


def test_what_it_corrects_by_comes_from_a_checkpoint_without_data():
    trained, node = scorer(0.7), {"_target_": "seqrec.scorer.tied.Tied", "bias": True}
    told = {**FACTS, "item_count_V": None, "n_items": 5}
    without = make(
        {"_target_": "seqrec.scorer.corrected.Corrected", "scorer": {**node, "bias": False}}, **told
    )
    without.load_state_dict(trained.state_dict())
    assert torch.equal(without.correction_V, trained.correction_V)


def test_scores_without_vectors_are_refused():
    pairs = {"_target_": "seqrec.scorer.ncf.NCF", "dim": DIM, "hidden": [4]}
    with pytest.raises(ConfigError, match=r"scorer\.scorer has no vectors"):
        scorer(0.5, scorer=pairs)
