"""What people hand to a recommender: done right, or refused in words."""

import numpy as np
import polars as pl
import pytest

from seqrec.api import _changed, texts_of
from seqrec.config.schema import Evaluation
from seqrec.errors import ConfigError, DataError
from seqrec.recommend import Session
from seqrec.recommend.arguments import choice_of, id_of, ids_of, length_of, session_of

SAME = [
    [1, "2"],
    (1, 2),
    np.array([1, 2]),
    np.array(["1", "2"]),
    pl.Series([1, 2]),
    (name for name in "12"),
    Session([1, 2]),
    Session(("1", "2"), context={"rating": (5, 4)}, asked="2024-05-01"),
]


@pytest.mark.parametrize("given", SAME, ids=lambda given: type(given).__name__)
def test_ids_may_be_numbers_in_any_sequence(given):
    assert session_of(given).items == ["1", "2"]


def test_what_a_session_says_beside_its_items_stays():
    session = session_of(Session([7], 3, {"rating": np.array([5])}, "1970-01-02"))
    assert (session.user, session.context, session.asked) == (3, {"rating": [5]}, 86_400_000)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("A17", "'A17' isn't a list of ids"),
        (None, "None isn't a list of ids"),
        (17, "17 isn't a list of ids"),
        ({"A17": 1}, "isn't a list of ids"),
        ([], "no items"),
        (["A17", None], "None .NoneType. isn't an id"),
        ([7.0], "7.0 .float. isn't an id"),
        ([True], "True .bool. isn't an id"),
        ([["A17"]], "isn't an id"),
        ({"A17", "B02"}, "no order"),
        (Session("A17"), "'A17' isn't a list of ids"),
        (Session(["A17"], context={"rating": "5"}), "rating: '5' isn't a list of values"),
        (Session(["A17"], context="rating"), "isn't a mapping"),
    ],
)
def test_what_is_no_session_is_refused_in_words(given, told):
    with pytest.raises(DataError, match=told):
        session_of(given)


@pytest.mark.parametrize("k", [2.5, 2.0, "3", None, True, 0, -1])
def test_a_length_is_a_whole_number(k):
    with pytest.raises(DataError, match="k="):
        length_of(k)
    assert length_of(np.int64(3)) == 3


def test_other_arguments_are_as_strict():
    assert ids_of({1}, where="deny") == ["1"] and id_of(np.int32(7), where="user") == "7"
    assert [choice_of(each) for each in (None, True, np.bool_(False))] == [None, True, False]
    with pytest.raises(DataError, match="where: allow"):
        ids_of("A17", where="allow")
    with pytest.raises(DataError, match="mask_seen='no'"):
        choice_of("no")
    assert texts_of("ndcg@10", where="metrics") == ["ndcg@10"]
    with pytest.raises(ConfigError, match="isn't a text"):
        texts_of((["model=sasrec"],), where="train")
    assert _changed(Evaluation(), {"ks": (3,), "mask_seen": False}).ks == [3]
    for wrong in ({"ks": 10}, {"ks": [0]}, {"sampled": "many"}):
        with pytest.raises(ConfigError):
            _changed(Evaluation(), wrong)
