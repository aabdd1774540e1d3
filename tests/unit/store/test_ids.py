"""One rule of ids, for events, tables and whoever asks; what it changes is told."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqrec.config.schema import Prepare
from seqrec.errors import DataError
from seqrec.raw.ids import tidy_id
from seqrec.raw.source import Interactions
from seqrec.recommend.items import Items
from seqrec.store.codes import Coder
from seqrec.store.encode import encode

COMPOSED, DECOMPOSED = "r\u00e9sum\u00e9", "re\u0301sume\u0301"


def encoded(who, bought, **tables):
    events = pl.DataFrame({"user": who, "item": bought}).lazy()
    return encode(Interactions(events, **tables), Prepare(), "mine")


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("c7   ", "c7"),
        (" 3", "3"),
        ("\u00a03\u3000", "3"),
        ("\t3\r", "3"),
        (DECOMPOSED, COMPOSED),
        ("7.0", "7"),
        ("-7.0", "-7"),
        ("7.00", "7.00"),
        ("1.7.0", "1.7.0"),
        ("007", "007"),
        ("A b", "A b"),
        ("a", "a"),
    ],
)
def test_the_rule(given: str, read: str):
    assert tidy_id(given) == read == tidy_id(read)


@pytest.mark.parametrize("kind", [pl.String, pl.Categorical])
def test_ids_that_are_one_by_the_rule_are_one(kind):
    items = pl.Series(["x", " x", "7.0", "7", DECOMPOSED, COMPOSED], dtype=kind)
    made = encoded(pl.Series(["a", "a ", "a", "b", "b", "b"], dtype=kind), items)
    assert made["users"]["user"].to_list() == ["a", "b"]
    assert made["items"]["item"].to_list() == ["x", "7", COMPOSED]
    assert made["arrays"]["item"].tolist() == [1, 1, 2, 2, 3, 3]
    of_users, of_items = made["report"]["notes"]
    assert of_users.startswith("1 of 3 ids of users") and "'a ' as 'a'; 1 of them" in of_users
    assert of_items.startswith("3 of 6 ids of items") and "3 of them are then equal" in of_items


@pytest.mark.parametrize("text", ["nan", "NaN", "None", "NULL", "<NA>", "\\N"])
def test_an_id_that_looks_like_a_missing_value_is_told(text):
    made = encoded(["a", text, "b", text], ["x", "y", "7.0", "x"])
    assert made["users"]["user"].to_list() == ["a", text, "b"]
    of_users, of_items = made["report"]["notes"]
    assert of_users.startswith(f"{text!r} is read as the id of one user: leave the cell empty")
    assert of_items.startswith("1 of 3 ids of items")
    coder = Coder(pl.DataFrame({"user": [text]}).lazy(), "user")
    coder(pl.Series([text]))
    assert coder.note() == [of_users]


def test_ids_that_follow_the_rule_are_not_mentioned():
    made = encoded(["a", "b"], ["x", COMPOSED])
    assert made["report"]["notes"] == []


@settings(max_examples=25, derandomize=True, deadline=None)
@given(st.data())
def test_any_spelling_of_ids_is_encoded_as_the_tidy_one(data):
    spellings = [
        ("x", " x", "x\u2003"),
        ("7", "7.0", "\n7"),
        (COMPOSED, DECOMPOSED, f" {DECOMPOSED}"),
    ]
    drawn = data.draw(
        st.lists(
            st.tuples(*[st.tuples(st.integers(0, 2), st.integers(0, 2))] * 2),
            min_size=1,
            max_size=12,
        )
    )
    tidy = [[spellings[which][0] for which, _ in pair] for pair in drawn]
    wild = [[spellings[which][how] for which, how in pair] for pair in drawn]
    plain, other = (encoded(*zip(*pairs, strict=True)) for pairs in (tidy, wild))
    for name in ("users", "items"):
        assert plain[name].equals(other[name])
    for name in ("offset", "item"):
        assert plain["arrays"][name].tolist() == other["arrays"][name].tolist()


def test_an_id_of_white_space_is_a_missing_id():
    made = encoded(["a", "  ", "b"], ["x", "y", "\u00a0"])
    assert made["users"]["user"].to_list() == ["a"] and made["items"]["item"].to_list() == ["x"]
    assert made["report"]["rejected"] == {"missing id": 2}
    with pytest.raises(DataError, match="mine has no interactions"):
        encoded([" "], ["x"])


@pytest.mark.parametrize("spelled", ["7.0", " 7", "7"])
def test_tables_are_joined_by_the_rule(spelled: str):
    table = pl.LazyFrame({"item": [spelled], "title": ["Seven"]})
    people = pl.LazyFrame({"user": ["a\u00a0"], "team": ["red"]})
    made = encoded(["a"], [7], items=table, users=people)
    told = "\n".join(made["report"]["notes"])
    assert ("ids of the table of items are read by the rule" in told) == (spelled != "7")
    assert "table of users are read by the rule of ids, such as 'a\\xa0' as 'a'" in told
    assert made["items"]["title"].to_list() == ["Seven"]
    assert made["users"]["team"].to_list() == ["red"]


def test_whoever_asks_is_answered_by_the_rule():
    items = Items(pl.DataFrame({"item": ["7", COMPOSED], "title": [None, None]}))
    assert items.places(["7.0", "?", DECOMPOSED]) == [0, 2]
    assert items.indices([" 7", DECOMPOSED], where="deny") == [1, 2]
    assert items.unknown(["7 ", "8"]) == ["8"] and items.index["7.0"] == 1


# tables -------------------------------------------------------------------------------------------


def test_contradicting_rows_are_counted_and_the_first_counts():
    rows = {"item": ["x", "y", " x", "y", "z"], "title": ["X", "Y", "not X", "Y", "Z"]}
    made = encoded(["a", "a"], ["x", "y"], items=pl.LazyFrame(rows))
    assert made["items"]["title"].to_list() == ["X", "Y"]
    changed, note = made["report"]["notes"]
    assert changed == "1 ids of the table of items are read by the rule of ids, such as ' x' as 'x'"
    assert "contradicting rows for 1 of 2 items, such as 'x'; the first of each" in note


def test_a_table_that_lacks_items_is_told():
    few = pl.LazyFrame({"item": ["i1"], "title": ["One"]})
    [note] = encoded(["a"] * 3, ["i1", "i2", "i3"], items=few)["report"]["notes"]
    assert note == "the table of items knows 1 of 3 items; it lacks 'i2', for example"


@pytest.mark.parametrize(("rows", "told"), [(["i1"], "its first row has 'i1'"), ([], "no rows")])
def test_a_table_of_no_item_is_refused(rows: list[str], told: str):
    titles = pl.LazyFrame({"item": rows, "title": rows}, {"item": pl.String, "title": pl.String})
    with pytest.raises(DataError, match=r"items of mine has none of its 1 items") as refused:
        encoded(["a"], ["1"], items=titles)
    assert told in refused.value.what and "data.items_item" in str(refused.value.todo)
