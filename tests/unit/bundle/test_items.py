"""Ids of any spelling in a table that is mapped to memory."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqrec.bundle.items import Items
from seqrec.bundle.texts import Found, Texts, packed, slots_of
from seqrec.errors import DataError

ids = st.lists(st.text(max_size=8).filter(lambda t: t == t.encode(errors="replace").decode()))


def items_of(texts: list[str]) -> Items:
    column = pl.Series(texts, dtype=pl.String)
    kept = Texts(*packed(column))
    candidate_V = np.ones(len(texts) + 1, dtype=bool)
    return Items(
        ids=kept, titles=kept, found=Found(kept, slots_of(column)), candidate_V=candidate_V
    )


@settings(max_examples=30, deadline=None)
@given(ids, ids)
def test_every_text_is_found_where_it_is_and_no_other(some, others):
    texts = list(dict.fromkeys(some))
    column = pl.Series(texts, dtype=pl.String)
    kept = Texts(*packed(column))
    found = Found(kept, slots_of(column))
    assert [kept[at] for at in range(len(kept))] == texts
    assert [found(text) for text in texts] == list(range(len(texts)))
    assert all(found(text) == -1 for text in others if text not in texts)


def test_an_id_is_found_in_any_spelling_of_the_rule_of_ids():
    items = items_of(["7", "é", "a b", "007"])
    assert items.lookup([" 7", "7.0", "e\u0301", "a b ", "007", "7.5", "A B", ""]) == [
        *(1, 1, 2, 3, 4, 0, 0, 0)
    ]


def test_an_unknown_item_is_named_with_ids_that_there_are():
    with pytest.raises(DataError, match="no item 'x'") as raised:
        items_of(["a", "b"]).indices(["a", "x"], where="deny")
    assert "such as a, b" in str(raised.value)
    assert "deny" in str(raised.value)


def test_a_table_of_ids_without_a_free_place_is_refused():
    column = pl.Series(["a", "b"])
    kept = Texts(*packed(column))
    with pytest.raises(ValueError, match="hash table"):
        Found(kept, np.zeros(16, dtype=np.int32))
    with pytest.raises(ValueError, match="begin"):
        Texts(np.zeros(3, dtype=np.uint8), np.array([0, 5, 3]))
