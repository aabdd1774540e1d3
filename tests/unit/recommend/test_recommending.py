"""Answers to sessions: several at once, among allowed items, in the order of a reranker."""

import math

import polars as pl
import pytest
import torch
from helpers.experiments import root
from helpers.rerankers import TailFirst
from polars.testing import assert_frame_equal

from seqrec.build import build_model
from seqrec.errors import DataError
from seqrec.facts import EventFacts, Facts
from seqrec.recommend import Recommender, Session

ITEMS = 30
EVENTS = {
    "timestamp": EventFacts(),
    "dwell": EventFacts(mean=1.0, std=2.0),
    "device": EventFacts(categories=["phone", "tablet"]),
}
COUNT_V = torch.arange(ITEMS + 1) * 7 % 13


def recommender(*overrides: str, **given) -> Recommender:
    """An untrained model over 30 items, of which training never saw i29."""
    torch.manual_seed(2)
    config = root("batch.eval_size=3", *overrides)
    events = EVENTS if config.context else {}
    catalogue = pl.DataFrame(
        {
            "index": range(1, ITEMS + 1),
            "item": [f"i{n}" for n in range(ITEMS)],
            "title": [f"title {n}" for n in range(ITEMS)],
            "candidate": [n != 29 for n in range(ITEMS)],
        }
    )
    model = build_model(config, Facts(n_items=ITEMS, events=events))
    return Recommender(
        model=model, catalogue=catalogue, config=config, data_hash="", events=events, **given
    )


@pytest.mark.parametrize("context", [(), ("context=events",)])
def test_sessions_are_answered_together_as_alone(context):
    asks = recommender(*context)
    some = {
        "timestamp": [1_700_000_000_000, None],
        "dwell": [2.5, math.nan],
        "device": ["tablet", None],
    }
    known = some if context else {}
    sessions = [
        ["i1"],
        Session(["i3", "i4"], context=known, asked=1_700_000_900_000),
        [f"i{n}" for n in range(25)],
        ["i7", "nothing", "i7"],
    ]
    together = asks.recommend_all(sessions, k=5)
    assert [answer.unknown for answer in together] == [[], [], [], ["nothing"]]
    for session, answer in zip(sessions, together, strict=True):
        alone = asks.recommend(session, k=5)
        assert_frame_equal(answer.items, alone.items, abs_tol=1e-5)
        assert_frame_equal(answer.history, alone.history, abs_tol=1e-5)
    assert asks.recommend_all([]) == []


def test_only_what_is_allowed_and_not_denied_is_recommended():
    asks = recommender()
    every = asks.recommend(["i1"], k=ITEMS, mask_seen=False).items["item"].to_list()
    assert sorted(every) == sorted(f"i{n}" for n in range(29))
    allow = ["i2", "i9", "i29", "i1"]
    some = asks.recommend(["i1"], k=9, mask_seen=True, allow=allow).items["item"].to_list()
    assert some == [item for item in every if item in ("i2", "i9")]
    rest = asks.recommend(["i1"], k=ITEMS, mask_seen=False, deny=["i2"]).items["item"].to_list()
    assert rest == [item for item in every if item != "i2"]
    assert asks.recommend(["i1"], allow=[]).items.is_empty()


@pytest.mark.parametrize("where", ["allow", "deny"])
def test_ids_that_the_catalogue_does_not_have_are_refused_by_name(where):
    with pytest.raises(DataError, match=f"(?s)no item 'S7'.*where: {where}"):
        recommender().recommend(["i1"], **{where: ["i2", "S7"]})


def test_the_catalogue_is_built_once(monkeypatch):
    asks = recommender()
    built, build = [], asks.model.catalogue
    monkeypatch.setattr(asks.model, "catalogue", lambda: built.append(1) or build())
    for _ in range(3):
        asks.recommend(["i1"])
    assert len(built) == 1


@pytest.mark.parametrize("model", ["sasrec", "lstm_attn", "transformer_attn"])
def test_a_session_is_encoded_at_most_once(model, monkeypatch):
    asks = recommender(f"model={model}")
    history = asks._batch([Session(["i1", "i2"])], [[0, 1]]).history
    query, alpha = asks.model.answer(history)
    assert torch.equal(query, asks.model.query(history))
    assert torch.equal(alpha, asks.model.attention(history))
    calls, encode = [], asks.model.encoder.forward
    monkeypatch.setattr(asks.model.encoder, "forward", lambda *x: calls.append(1) or encode(*x))
    asks.recommend(["i1", "i2"])
    assert len(calls) <= 1


def test_recommendations_are_in_the_order_of_the_reranker():
    bare = recommender().recommend(["i1"], k=8).items["item"].to_list()
    tail = TailFirst(item_count_V=COUNT_V, depth=8)
    got = recommender(reranker=tail).recommend(["i1"], k=8).items["item"].to_list()
    assert sorted(got) == sorted(bare) and got != bare
