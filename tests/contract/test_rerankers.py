"""Every reranker orders the items that it was given, each row by itself, the same each time,
whatever the padding."""

import pytest
import torch
from helpers.components import FACTS, ITEMS, LENGTH, component, names
from helpers.rerankers import Doubled, Gaps, Moody, Social, TailFirst, Wide

from seqrec.shapes import History

ROWS, K = 12, 14  # more items than places that are filled
VECTOR_VD = torch.randn(ITEMS + 1, 4, generator=torch.Generator().manual_seed(4))


@pytest.fixture
def ranking():
    """Lists with their scores, the last ones shorter, and the histories they follow."""
    draw = torch.Generator().manual_seed(3)
    item_BK = torch.stack([1 + torch.randperm(ITEMS, generator=draw)[:K] for _ in range(ROWS)])
    score_BK = torch.randn(ROWS, K, generator=draw).sort(1, descending=True).values
    item_BK[-3:, 5:], score_BK[-3:, 5:] = 0, -torch.inf
    history = History(
        item_BL=torch.randint(1, ITEMS + 1, (ROWS, LENGTH), generator=draw),
        length_B=torch.full((ROWS,), LENGTH),
        user_B=torch.arange(ROWS) % FACTS["n_users"],
    )
    return item_BK, score_BK, history


def rows_of(history: History, some: slice, padding: int = 0) -> History:
    item_BL = torch.nn.functional.pad(history.item_BL[some], (0, padding))
    return History(item_BL, history.length_B[some], history.user_B[some])


def ask(reranker, item_BK, score_BK, history):
    vectors = (VECTOR_VD[item_BK],) if getattr(reranker, "reads_vectors", False) else ()
    return reranker(item_BK, score_BK, history, *vectors)


def check(reranker, ranking):
    item_BK, score_BK, history = ranking
    order_BK = ask(reranker, item_BK, score_BK, history)
    assert torch.equal(order_BK.sort(1).values, torch.arange(K).expand(ROWS, K))
    new_BK = item_BK.gather(1, order_BK)
    assert not ((new_BK[:, :-1] == 0) & (new_BK[:, 1:] > 0)).any()
    assert torch.equal(ask(reranker, item_BK, score_BK, history), order_BK)
    padded = rows_of(history, slice(None), padding=3)
    assert torch.equal(ask(reranker, item_BK, score_BK, padded), order_BK)
    for size in (1, 5):
        parts = [slice(first, first + size) for first in range(0, ROWS, size)]
        alone = [ask(reranker, item_BK[p], score_BK[p], rows_of(history, p)) for p in parts]
        assert torch.equal(torch.cat(alone), order_BK)


@pytest.mark.parametrize("name", names("rerank"))
def test_a_reranker_keeps_its_contract(name, ranking):
    check(component("rerank", name), ranking)


@pytest.mark.parametrize("name", ["mmr", "dpp"])
def test_so_does_one_that_reads_vectors(name, ranking):
    reranker = component("rerank", name, similarity="vectors", weight=0.5)
    check(reranker, ranking)
    assert not torch.equal(ask(reranker, *ranking), torch.arange(K).expand(ROWS, K))


def test_one_that_reorders_does_too(ranking):
    reranker = TailFirst(item_count_V=FACTS["item_count_V"])
    check(reranker, ranking)
    assert not torch.equal(reranker(*ranking), torch.arange(K).expand(ROWS, K))


@pytest.mark.parametrize("broken", [Doubled, Moody, Social, Wide, Gaps])
def test_a_broken_one_fails(broken, ranking):
    with pytest.raises(AssertionError):
        check(broken(item_count_V=FACTS["item_count_V"]), ranking)
