"""Explainers against causes that were planted, on a model that was trained to find them.

Where the cause lies `distance` events back, what is masked has to keep its place: deleting an event
behind the cause moves the cause as well. Where it is the latest key, wherever that lies, events may
be deleted.
"""

from functools import cache

import polars as pl
import pytest
import torch
from helpers.components import FACTS, node
from helpers.questions import one_user

from seqrec.config.make import make
from seqrec.data.synthetic import Synthetic
from seqrec.explainer.attention import Attention
from seqrec.explainer.integrated_gradients import IntegratedGradients
from seqrec.explainer.leave_one_out import LeaveOneOut
from seqrec.explainer.shapley import Shapley
from seqrec.explainer.share import Share
from seqrec.model import SequenceModel
from seqrec.question import Question
from seqrec.ranking.policy import Policy
from seqrec.shapes import History

pytestmark = pytest.mark.slow
LENGTH, DISTANCE = 12, 3
CAUSE, LAST = LENGTH - 1 - DISTANCE, LENGTH - 2  # places in a history of LENGTH - 1 events
ONE = {"n_items": 20, "noise": 0.1}
PAIR = {"n_items": 7, "noise": 0.2, "pair": 1.0}
KEYED = {"n_items": 20, "noise": 0.0, "keyed": 1.0}


def planted(**rule):
    """A source of planted sequences."""
    return Synthetic(length=LENGTH, distance=DISTANCE, markov=0.0, n_users=10_000, **rule)


def sequences(source):
    """Planted sequences, one row for each user."""
    item = source.read().events.collect()["item"].str.slice(1).cast(pl.Int64)
    return torch.from_numpy(item.to_numpy().reshape(-1, LENGTH).copy()) + 1


def trained(rows, n_items, head, steps=300):
    """An LSTM with attention that has learned the rule."""
    torch.manual_seed(0)
    facts = {**FACTS, "n_items": n_items}
    kinds = {"embedding": "id", "encoder": "lstm", "head": head}
    parts = {kind: make({**node(kind, name), "dim": 32}, **facts) for kind, name in kinds.items()}
    model = SequenceModel(**parts, scorer=make(node("scorer", "tied"), **facts))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for batch in torch.randint(len(rows), (steps, 64)):
        history = History(rows[batch, :-1], torch.full((64,), LENGTH - 1), torch.full((64,), -1))
        query_ND = model(history)[:, DISTANCE:].flatten(0, 1)  # where the rule holds
        score = model.catalogue().block(query_ND, 1, n_items + 1)
        loss = torch.nn.functional.cross_entropy(score, rows[batch, DISTANCE + 1 :].flatten() - 1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model.eval()


@cache
def questions(head="additive", **rule):
    """Questions about next items that the rule gives and the model predicts, and their causes."""
    n_items, source = rule["n_items"], planted(**rule)
    rows = sequences(source)
    model = trained(rows, n_items, head)
    policy = Policy(candidate_V=torch.arange(n_items + 1) > 0, mask_seen=False)
    catalogue, asked = model.catalogue(), []
    for user, row in enumerate(rows[:90]):
        cause = source.cause(f"u{user}", [f"i{item - 1}" for item in row[:-1].tolist()])
        if cause is None:
            continue
        target = int(cause[0][1:]) + 1
        each = Question(model, catalogue, policy, one_user(row[:-1].tolist()), target)
        if each.ranks(torch.ones(1, LENGTH - 1) > 0).item() == 1:
            asked.append((each, cause[1]))
    assert len(asked) > 40
    return asked


def found(explainer, **rule):
    """The share of questions whose cause comes first."""
    asked = questions(**rule)
    first = [[int(explainer(each).weight_L.argmax())] == causes for each, causes in asked]
    return sum(first) / len(first)


@pytest.mark.parametrize(
    "explainer",
    [LeaveOneOut(game="mask"), IntegratedGradients(), Shapley(game="mask", exact=0)],
    ids=["leave_one_out", "integrated_gradients", "shapley"],
)
def test_a_cause_at_a_distance_comes_first_where_events_keep_their_places(explainer):
    assert found(explainer, **ONE) >= 0.95


@pytest.mark.parametrize(
    "explainer", [LeaveOneOut(), Shapley(exact=0)], ids=["leave_one_out", "shapley"]
)
def test_a_cause_anywhere_comes_first_where_events_are_deleted(explainer):
    assert found(explainer, **KEYED) >= 0.95


def test_attention_finds_the_planted_cause_where_it_weighs_inputs_and_not_where_it_weighs_states():
    assert found(Attention(), head="inputs", **ONE) >= 0.95
    assert found(Share(), head="inputs", **ONE) >= 0.95
    assert found(Attention(), **ONE) <= 0.5


def test_shapley_shares_between_two_causes_what_leaving_one_out_counts_twice():
    both, shares = [], []
    for asked, _ in questions(**PAIR):
        drawn = Shapley(game="mask", exact=0)(asked)
        left = LeaveOneOut(game="mask")(asked)
        top = drawn.weight_L.topk(2).indices.tolist()
        both.append(sorted(top) == [CAUSE, LAST])
        whole = drawn.about["whole"]
        shares.append([said.weight_L[[CAUSE, LAST]].sum().item() / whole for said in (drawn, left)])
    assert sum(both) / len(both) >= 0.85
    shapley, leave_one_out = torch.tensor(shares).median(0).values.tolist()
    assert shapley == pytest.approx(1, abs=0.15)
    assert leave_one_out == pytest.approx(2, abs=0.35)
