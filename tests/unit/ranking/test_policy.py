"""The ranking policy: what may be recommended, and what reordering does to lists and ranks."""

import pytest
import torch
from helpers.rerankers import Doubled, Gaps, TailFirst

from seqrec.catalogue import Catalogue
from seqrec.errors import ConfigError
from seqrec.ranking.policy import Policy
from seqrec.ranking.rank import Ranking
from seqrec.rerank.none import NoRerank
from seqrec.shapes import EvalBatch, History

B, V, D, K = 30, 25, 4, 10
COUNT_V = torch.arange(V) * 7 % 11


class Asked:
    """Reverses; counts how often it is asked, and remembers what it was given."""

    def __init__(self, depth: int):
        self.depth, self.given = depth, []

    def __call__(self, item_BK, score_BK, history):
        self.given.append((item_BK, score_BK, history))
        known_BK = item_BK > 0
        place_BK = torch.arange(item_BK.shape[1]).expand_as(item_BK)
        return torch.where(known_BK, -place_BK, V).argsort(dim=1, stable=True)


class Same:
    depth = 7

    def __call__(self, item_BK, score_BK, history):
        return torch.arange(item_BK.shape[1]).expand_as(item_BK)


@pytest.fixture
def case():
    draw = torch.Generator().manual_seed(1)
    item_BL = torch.randint(1, V, (B, 3), generator=draw)
    batch = EvalBatch(
        history=History(item_BL, torch.full((B,), 3), torch.arange(B)),
        event_B=torch.arange(B),
        target_B=torch.randint(1, V, (B,), generator=draw),
        rating_B=None,
        seen_row_P=torch.arange(B).repeat_interleave(3),
        seen_item_P=item_BL.flatten(),
    )
    table = torch.randn(V, D, generator=draw)
    return torch.randn(B, D, generator=draw), Catalogue(table), batch


def every() -> torch.Tensor:
    return torch.arange(V) > 0


def equal(a, b) -> bool:
    return all(torch.equal(x, y) for x, y in zip(vars(a).values(), vars(b).values(), strict=True))


def test_only_candidates_that_are_not_seen_are_listed(case):
    query, catalogue, batch = case
    candidate_V = every() & (torch.arange(V) % 5 != 0)
    top_BK = Policy(candidate_V=candidate_V, mask_seen=True).rank(
        query, catalogue, batch, k=V
    ).top_BK  # fmt: skip
    for row, seen in zip(top_BK, batch.history.item_BL.tolist(), strict=True):
        wanted = {i for i in range(1, V) if i % 5 and i not in seen}
        assert set(row[row > 0].tolist()) == wanted


def test_a_narrowed_policy_ranks_what_is_allowed_and_not_denied(case):
    query, catalogue, batch = case
    policy = Policy(candidate_V=every() & (torch.arange(V) != 4), mask_seen=False)
    narrowed = policy.narrowed(allow=[3, 4, 9, 20], deny=[9])
    top_BK = narrowed.rank(query, catalogue, batch, k=3).top_BK
    assert (top_BK.sort(1).values == torch.tensor([0, 3, 20])).all()
    assert torch.equal(narrowed.candidate_V, policy.candidate_V)  # what the model knows
    denied = policy.narrowed(deny=[9]).rank(query, catalogue, batch, k=V).top_BK
    assert set(denied.unique().tolist()) == set(range(V)) - {4, 9}
    assert equal(policy.narrowed().rank(query, catalogue, batch, k=K),
                 policy.rank(query, catalogue, batch, k=K))  # fmt: skip


def test_without_a_reranker_nothing_more_is_listed_and_nothing_asked(case):
    query, catalogue, batch = case
    bare = Policy(candidate_V=every(), mask_seen=True).rank(query, catalogue, batch, k=K)
    silent = Asked(depth=0)
    for reranker in (NoRerank(), silent):
        policy = Policy(candidate_V=every(), mask_seen=True, reranker=reranker)
        assert equal(policy.rank(query, catalogue, batch, k=K), bare)
    assert not silent.given


@pytest.mark.parametrize("k", [3, 7, 12])
def test_an_order_that_changes_nothing_changes_no_rank(case, k):
    query, catalogue, batch = case
    catalogue.table_VD[V // 2 :] = catalogue.table_VD[1]  # half of the items tie
    bare = Policy(candidate_V=every(), mask_seen=False).rank(query, catalogue, batch, k=k)
    same = Policy(candidate_V=every(), mask_seen=False, reranker=Same())
    got = same.rank(query, catalogue, batch, k=k)
    assert torch.equal(got.rank_B, bare.rank_B)
    assert torch.equal(got.top_score_BK, bare.top_score_BK)  # which of equal ones is anything


@pytest.mark.parametrize(("depth", "k"), [(6, 10), (10, 6), (8, 8), (40, 10)])
def test_the_first_items_are_reordered_and_a_target_has_its_new_place(case, depth, k):
    query, catalogue, batch = case
    full = Policy(candidate_V=every(), mask_seen=True).rank(query, catalogue, batch, k=V)
    reranker = Asked(depth)
    got = Policy(candidate_V=every(), mask_seen=True, reranker=reranker).rank(
        query, catalogue, batch, k=k
    )
    [(item_BK, score_BK, history)] = reranker.given
    assert torch.equal(item_BK, full.top_BK[:, :depth]) and history is batch.history
    assert torch.equal(score_BK, full.top_score_BK[:, :depth])
    score_of = full.top_score_BK
    for b, target in enumerate(batch.target_B.tolist()):
        old = full.top_BK[b][full.top_BK[b] > 0].tolist()
        new = old[:depth][::-1] + old[depth:]
        shown = got.top_BK[b][got.top_BK[b] > 0].tolist()
        assert shown == new[:k]
        scores = [score_of[b, old.index(item)].item() for item in shown]
        assert got.top_score_BK[b][: len(shown)].tolist() == scores
        in_front = target in old[:depth]
        assert got.rank_B[b] == (new.index(target) + 1 if in_front else full.rank_B[b])


def test_items_that_tie_with_a_target_count_against_it_wherever_they_are_put(case):
    _, _, batch = case
    table = torch.tensor([0.0, 5, 3, 3, 3, 1, 0.5]).unsqueeze(1)
    batch = EvalBatch(
        history=History(torch.tensor([[6]]), torch.tensor([1]), torch.tensor([0])),
        event_B=torch.tensor([0]), target_B=torch.tensor([3]), rating_B=None,
        seen_row_P=torch.tensor([0]), seen_item_P=torch.tensor([6]),
    )  # fmt: skip
    policy = Policy(candidate_V=None, mask_seen=True, reranker=Asked(depth=5))
    got = policy.rank(torch.ones(1, 1), Catalogue(table), batch, k=5)
    place = got.top_BK[0].tolist().index(3) + 1
    assert got.top_BK[0][0] == 5  # it is reversed, so that only the least of them is above all
    assert place in (2, 3, 4) and got.rank_B.item() >= 4


@pytest.mark.parametrize("broken", [Doubled, Gaps])
def test_what_is_no_order_of_the_items_is_refused(case, broken):
    query, catalogue, batch = case
    policy = Policy(
        candidate_V=torch.arange(V).lt(4) & every(), mask_seen=False,
        reranker=broken(item_count_V=COUNT_V),
    )  # fmt: skip
    with pytest.raises(ConfigError, match="rerank"):
        policy.rank(query, catalogue, batch, k=K)


def test_a_reranker_moves_what_it_is_made_for(case):
    query, catalogue, batch = case
    bare = Policy(candidate_V=every(), mask_seen=False).rank(query, catalogue, batch, k=3)
    tail = TailFirst(item_count_V=COUNT_V, depth=8)
    got = Policy(candidate_V=every(), mask_seen=False, reranker=tail).rank(
        query, catalogue, batch, k=3
    )
    assert COUNT_V[got.top_BK].sum() < COUNT_V[bare.top_BK].sum()


class Alike:
    """Keeps the vectors that it is given."""

    depth, reads_vectors = 5, True

    def __call__(self, item_BK, score_BK, history, vector_BKD):
        self.given = item_BK, vector_BKD
        return torch.arange(item_BK.shape[1]).expand_as(item_BK)


def test_a_reranker_that_reads_vectors_gets_those_of_its_items(case):
    query, catalogue, batch = case
    alike = Alike()
    Policy(candidate_V=every(), mask_seen=True, reranker=alike).rank(query, catalogue, batch, k=3)
    item_BK, vector_BKD = alike.given
    assert torch.equal(vector_BKD, catalogue.table_VD[item_BK])
    with pytest.raises(ConfigError, match="this model has none"):
        Policy(candidate_V=every(), mask_seen=True, reranker=alike).reordered(
            Ranking(batch.target_B, item_BK, item_BK.float()), Unknown(), batch, k=3
        )


class Unknown:
    """A catalogue without vectors."""
