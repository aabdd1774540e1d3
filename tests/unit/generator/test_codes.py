"""Lists found code by code, held to those of all scores."""

import polars as pl
import pytest
import torch
from helpers.experiments import root

from seqrec.build import build_model
from seqrec.errors import ConfigError
from seqrec.facts import Facts
from seqrec.generator import Asker
from seqrec.generator._trie import Trie
from seqrec.generator.codes import ByCodes
from seqrec.generator.topk import TopK
from seqrec.ranking.policy import Policy
from seqrec.shapes import EvalBatch, History

ITEMS = 60
TABLE = pl.DataFrame(
    {
        "index": range(1, ITEMS + 1),
        "item": [f"i{n}" for n in range(ITEMS)],
        "kind": [f"k{n % 7}" for n in range(ITEMS)],
        "maker": [f"m{n % 5}" for n in range(ITEMS)],
    }
)


def asked(*overrides: str) -> tuple[Asker, EvalBatch]:
    torch.manual_seed(3)
    given = ("embedding=codes", "embedding.codes=3", "embedding.size=8", *overrides)
    model = build_model(root(*given), Facts(n_items=ITEMS, items=lambda: TABLE)).eval()
    candidate_V = torch.arange(ITEMS + 1) % 9 != 0
    item_BL = torch.randint(1, ITEMS + 1, (5, 4))
    length_B = torch.tensor([4, 4, 4, 4, 4])
    row_B = torch.arange(5)
    batch = EvalBatch(
        History(item_BL, length_B, torch.full((5,), -1)), row_B, item_BL[:, 0], None,
        row_B.repeat_interleave(4), item_BL.flatten(),
    )  # fmt: skip
    policy = Policy(candidate_V=candidate_V, mask_seen=True)
    return Asker(model, model.catalogue(), policy, 20), batch


def test_a_tree_has_the_prefixes_of_all_items():
    code_VC = torch.tensor([[0, 0], [2, 1], [0, 3], [2, 0], [0, 3], [2, 1]], dtype=torch.uint8)
    trie = Trie.of(code_VC)
    assert trie.item_N.tolist() == [2, 4, 3, 1, 5]
    assert [code.tolist() for code in trie.code] == [[0, 2], [3, 0, 1]]
    assert [begin.tolist() for begin in trie.begin] == [[0, 2, 5], [0, 2, 3, 5]]
    child, there = trie.children(1, torch.tensor([[0, 1]]))
    assert child[there].tolist() == [0, 1, 2] and there.tolist() == [[[True, False], [True, True]]]
    child, there = trie.children(2, torch.tensor([[0, 2]]))
    assert child[there].tolist() == [0, 1, 3, 4]


@pytest.mark.parametrize("digit", ["true", "false"])
@torch.no_grad()
def test_a_wide_beam_finds_the_best_items(digit):
    asker, batch = asked(f"embedding.digit={digit}")
    found, best = ByCodes(width=ITEMS)(asker, batch, 8), TopK()(asker, batch, 8)
    torch.testing.assert_close(found[1], best[1])
    if digit == "true":  # without it, some items have the same score
        assert torch.equal(found[0], best[0])


@torch.no_grad()
def test_a_narrow_beam_finds_fewer_of_them_but_a_whole_list_with_exact_scores():
    asker, batch = asked()
    item_Bn, score_Bn = ByCodes(width=1)(asker, batch, 4)
    query_BD = asker.model.query(batch.history, asker.policy.candidate_V)
    torch.testing.assert_close(asker.catalogue.score(query_BD, item_Bn), score_Bn)
    assert (item_Bn > 0).all() and (score_Bn <= TopK()(asker, batch, 4)[1] + 1e-6).all()


@torch.no_grad()
def test_a_model_without_codes_is_refused():
    asker, batch = asked()
    for other in (("embedding=id",), ("embedding=codes", "embedding.size=8", "scorer=mlp")):
        model = build_model(root(*other), Facts(n_items=ITEMS, items=lambda: TABLE))
        with pytest.raises(ConfigError, match="have no codes that its scores are sums of"):
            ByCodes()(Asker(model, model.catalogue(), asker.policy, 20), batch, 3)
