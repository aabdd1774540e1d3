"""Penalties of what is known beforehand: related items, and rules that order items."""

from itertools import combinations

import pytest
import torch
from helpers.batches import train_batch
from helpers.components import DIM, FACTS, ITEM_TABLE, ITEMS, component
from torch import Tensor

from seqrec.catalogue import Catalogue
from seqrec.errors import ConfigError
from seqrec.features.graph import Graph
from seqrec.model import SequenceModel
from seqrec.objective.knowledge import Knowledge
from seqrec.objective.rules import Rules
from seqrec.shapes import Targets

LOSS = component("loss", "cross_entropy")


def knowledge(graph: Graph, **options) -> Knowledge:
    return Knowledge(loss=LOSS, negatives=None, graph=graph, **options)


def rules(*given, **options) -> Rules:
    return Rules(loss=LOSS, negatives=None, items=FACTS["items"], rules=list(given), **options)


def of_file(folder, *rows: str) -> Graph:
    file = folder / "triples.csv"
    file.write_text("\n".join(["head,relation,tail", *rows]))
    return Graph(items=lambda: ITEM_TABLE, path=str(file))


def table() -> Tensor:
    return torch.randn(ITEMS + 1, DIM, generator=torch.Generator().manual_seed(0))


# knowledge ----------------------------------------------------------------------------------------


def test_a_group_costs_the_laplacian_of_all_its_pairs_over_its_size():
    """For the brands of ten items or so, by the pairs themselves."""
    kind = knowledge(Graph(items=lambda: ITEM_TABLE, columns=["brand"]))
    table_VD, cost, members = table(), 0.0, 0
    for brand in ("b0", "b1", "b2"):
        group = [at for at, has in enumerate(ITEM_TABLE["brand"], 1) if has == brand]
        pairs = combinations(group, 2)
        cost += sum((table_VD[a] - table_VD[b]).square().sum() for a, b in pairs) / len(group)
        members += len(group)
    torch.testing.assert_close(kind.penalty(table_VD), cost / members)


def test_an_edge_costs_the_distance_of_its_items(tmp_path):
    graph = of_file(tmp_path, "i0,near,i1", "i2,near,i3", "Ann,knows,Bob")
    table_VD = table()
    want = (table_VD[1] - table_VD[2]).square().sum() + (table_VD[3] - table_VD[4]).square().sum()
    torch.testing.assert_close(knowledge(graph).penalty(table_VD), want / 2)


def test_a_translation_costs_the_least_that_any_vector_of_the_relation_can(tmp_path):
    """A descent on the vectors of the relation and of the thing ends at the same cost."""
    graph = of_file(tmp_path, "i0,then,i1", "i2,then,i3", "i4,then,i1", "i0,by,Ann", "i7,by,Ann")
    table_VD = table()
    got = knowledge(graph, translate=True).penalty(table_VD)
    assert got < knowledge(graph).penalty(table_VD)
    then, by, ann = (torch.zeros(DIM, requires_grad=True) for _ in range(3))
    optimizer = torch.optim.LBFGS([then, by, ann], max_iter=50)

    def energy() -> Tensor:
        optimizer.zero_grad()
        pairs = [(1, 2), (3, 4), (5, 2)]
        cost = sum((table_VD[a] + then - table_VD[b]).square().sum() for a, b in pairs)
        cost = cost + sum((table_VD[a] + by - ann).square().sum() for a in (1, 8))
        cost.backward()
        return cost / 5

    optimizer.step(energy)
    torch.testing.assert_close(got, energy(), atol=1e-4, rtol=1e-4)


def test_what_is_related_comes_together():
    kind = knowledge(Graph(items=lambda: ITEM_TABLE, columns=["brand"]), weight=10.0)
    model = SequenceModel(
        embedding=component("embedding", "id"),
        encoder=component("encoder", "gru"),
        head=component("head", "additive"),
        scorer=component("scorer", "tied"),
        ask=kind.ask,
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    costs = []
    for _ in range(20):
        optimizer.zero_grad()
        loss, _, terms = kind(model, train_batch([1, 5, 9]))
        costs.append(terms["knowledge"].item())
        torch.testing.assert_close(loss, terms["next_item"] + 10 * terms["knowledge"])
        loss.backward()
        optimizer.step()
    assert costs[-1] < costs[0] / 4


def test_without_the_item_table_there_is_no_penalty():
    assert knowledge(Graph(items=None)).penalty(table()) == 0


# rules --------------------------------------------------------------------------------------------


def scored(kind: Rules, score_V: list[float], targets: list[int], holds: list[bool]) -> float:
    """The penalty of one rule, where every query gives the items these scores."""
    catalogue = Catalogue(torch.tensor([0.0, *score_V])[:, None])
    item_N = torch.tensor(targets)
    query_ND = torch.ones(len(targets), 1)
    given = Targets(item_N, torch.arange(len(targets)))
    return float(kind.penalty(query_ND, given, catalogue, torch.tensor([holds])))


def test_never_asks_the_target_to_lead_what_is_forbidden():
    kind = rules({"never": {"brand": "b0"}}, margin=1.0)  # items 1, 5, 9, ...
    score_V = [0.5 if at % 4 == 0 else 0.75 for at in range(ITEMS)]
    assert scored(kind, score_V, [2, 3], [True, True]) == pytest.approx(0.75)
    assert scored(kind, score_V, [2, 3], [False, False]) == 0
    assert scored(kind, score_V, [5, 5], [True, True]) == 0  # the data goes against the rule
    far = [-3.0 if at % 4 == 0 else 0.0 for at in range(ITEMS)]
    assert scored(kind, far, [2, 3], [True, True]) == 0


def test_prefer_asks_what_is_preferred_to_lead_all_others():
    kind = rules({"prefer": {"brand": "b0"}}, margin=1.0)
    score_V = [0.5 if at % 4 == 0 else 0.75 for at in range(ITEMS)]
    assert scored(kind, score_V, [2, 5], [True, True]) == pytest.approx(1.25)


def test_a_condition_holds_from_the_first_item_that_matches():
    kind = rules({"if": {"brand": "b1"}, "never": {"brand": "b0"}})
    item_BL = torch.tensor([[3, 2, 3, 3], [3, 3, 3, 2]])
    holds = kind.if_RV[:, item_BL].cummax(dim=2).values[0]
    assert holds.tolist() == [[False, True, True, True], [False, False, False, True]]


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ({"once": "brand"}, "once is about a list"),
        ({"never": {"brand": "b0", "genres": "none"}}, "no item has genres='none'"),
    ],
)
def test_a_rule_that_orders_no_items_is_refused(rule, told):
    with pytest.raises((ConfigError, ValueError), match=told):
        rules(rule)
