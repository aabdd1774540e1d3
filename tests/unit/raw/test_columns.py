"""Tables as people keep them: each column is what its values are, and what is left out is told."""

import math

import polars as pl
import pytest

from seqrec.config.schema import Prepare
from seqrec.data.files import Files
from seqrec.errors import DataError
from seqrec.features.columns import encode_features
from seqrec.features.encoded import Codes, Numbers
from seqrec.raw.parse.columns import lists_of, typed
from seqrec.store.encode import encode

F32 = pl.List(pl.Float32)


def prepared(folder, table, suffix: str, **given):
    """Prepare two events, of items a and b and users u and v, with a table of items."""
    events = folder / "events.csv"
    events.write_text("user_id,item_id,timestamp\nu,a,1700000000\nv,b,1700000001\n")
    path = folder / f"table.{suffix}"
    if isinstance(table, pl.DataFrame):
        table.write_parquet(path)
    else:
        path.write_bytes(table if isinstance(table, bytes) else table.encode())
    which = "users_path" if "users_user" in given else "items_path"
    source = Files(path=str(events), **{which: str(path)}, **given)
    return encode(source.read(), Prepare(), "mine")


def parquet(**columns) -> pl.DataFrame:
    return pl.DataFrame({"item_id": ["a", "b"], "title": ["A", "B"], **columns})


ITEMS = {  # suffix, table, columns besides title, words of the notes
    "arrays in JSON lines": (
        "jsonl",
        '{"item_id":"a","title":"A","g":["x","y"]}\n{"item_id":"b","title":"B","g":[]}\n',
        {"g": [["x", "y"], []]},
        [],
    ),
    "escaped arrays in a CSV": (
        "csv",
        'item_id,title,g\na,A,"[""x"",""\\u00e9t\\u00e9""]"\nb,B,"[""a|b""]"\n',
        {"g": [["x", "été"], ["a|b"]]},
        [],
    ),
    "lists as pandas writes them": (
        "csv",
        "item_id,title,g\na,A,\"['x', 'it\\'s']\"\nb,B,\"['y']\"\n",
        {"g": [["x", "it's"], ["y"]]},
        [],
    ),
    "arrays as numpy shows them": (
        "csv", "item_id,title,g\na,A,['x' 'y']\nb,B,['y']\n", {"g": [["x", "y"], ["y"]]}, [],
    ),
    "values between bars": (
        "csv", "item_id,title,g\na,A,x| y\nb,B,z\n", {"g": [["x", "y"], ["z"]]}, [],
    ),
    "lists in Parquet": (
        "parquet", parquet(g=[["x", None], None]), {"g": [["x", None], None]}, [],
    ),
    "lists of whole numbers": ("parquet", parquet(g=[[1, 2], [3]]), {"g": [["1", "2"], ["3"]]}, []),
    "vectors": (
        "parquet", parquet(v=pl.Series([[0.5, 1.0], [2.0, 1.0]], dtype=F32)), {},
        ["the column v of the table of items holds lists of numbers", "{vectors: FILE}"],
    ),
    "objects": (
        "parquet", parquet(o=[{"p": 1}, {"p": 2}]), {}, ["the column o", "holds objects"],
    ),
    "lists of lists": (
        "parquet", parquet(g=[[["x"]], [["y"]]]), {},
        ["the column g of the table of items holds lists of lists"],
    ),
    "decimal commas that nobody declared": (
        "csv", 'item_id,title,p\na,A,"1,5"\nb,B,"2,25"\n', {"p": ["1,5", "2,25"]},
        ["has numbers such as '1,5', which are texts unless data.decimal is set"],
    ),
    "floats in Parquet": ("parquet", parquet(p=[1.5, math.nan]), {"p": [1.5, None]}, []),
    "whole floats in Parquet": ("parquet", parquet(p=[3.0, None]), {"p": [3.0, None]}, []),
    "decimals in a CSV": ("csv", "item_id,title,p\na,A,.5\nb,B,2\n", {"p": [0.5, 2.0]}, []),
    "decimals in JSON lines": (
        "jsonl",
        '{"item_id":"a","title":"A","p":1.5}\n{"item_id":"b","title":"B","p":null}\n',
        {"p": [1.5, None]},
        [],
    ),
    "whole numbers are names": (
        "parquet", parquet(brand=[7, 8], size=["007", "9"]),
        {"brand": ["7", "8"], "size": ["007", "9"]}, [],
    ),
    "numbers and words": (
        "csv", "item_id,title,p\na,A,1.5\nb,B,free\n", {"p": ["1.5", "free"]}, [],
    ),
    "dates and truths": (
        "parquet",
        parquet(d=["2020-01-02", None], t=[True, False]).with_columns(pl.col("d").str.to_date()),
        {"d": ["2020-01-02", None], "t": ["true", "false"]},
        [],
    ),
    "a byte order mark and padded cells": (
        "csv", b"\xef\xbb\xbfitem_id,title,c\n a ,A,  red\nb,B,   \n", {"c": ["red", None]}, [],
    ),
    "a row of an unknown item and a row number": (
        "csv", "index,item_id,title,c\n0,a,A,red\n1,b,B,blue\n2,z,Z,\n", {"c": ["red", "blue"]}, [],
    ),
    "rows that contradict each other": (
        "csv", "item_id,title,c\na,A,red\na,A,blue\nb,B,red\nb,B,red\n", {"c": ["red", "red"]},
        ["contradicting rows for 1 of 2 items, such as 'a'; the first of each counts"],
    ),
    "half of the items": (
        "csv", "item_id,title,c\nb,B,red\n", {"c": [None, "red"]}, ["knows 1 of 2 items", "'a'"],
    ),
    "padded ids": (
        "parquet",
        parquet(c=["red", None]).with_columns(item_id=pl.Series(["a ", "\u00a0b"])),
        {"c": ["red", None]},
        [],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", ITEMS)
def test_columns_of_items_are_what_their_values_are(case: str, tmp_path):
    suffix, table, columns, words = ITEMS[case]
    made = prepared(tmp_path, table, suffix)
    found = made["items"].drop("index", "item").to_dict(as_series=False)
    titles = found.pop("title")
    assert titles in (["A", "B"], [None, "B"]) and found == columns
    told = "\n".join(made["report"]["notes"])
    assert all(each in told for each in words) and bool(told) == bool(words)


def test_columns_called_as_the_store_calls_its_own_are_kept(tmp_path):
    table = "sku,name,item,title,index\na,A,lamp,Mr,0\nb,B,lamp,Ms,1\n"
    made = prepared(tmp_path, table, "csv", items_item="sku", items_title="name")
    found = made["items"].drop("index").to_dict(as_series=False)
    assert found == {
        "item": ["a", "b"],
        "title": ["A", "B"],
        "item_column": ["lamp", "lamp"],
        "title_column": ["Mr", "Ms"],
    }
    told = "\n".join(made["report"]["notes"])
    assert "the column item of the table of items is called item_column here" in told
    assert "because sku is called item" in told and "because name is called title" in told


def test_without_titles_a_column_of_that_name_is_another_column(tmp_path):
    table = "item_id,title\na,A\nb,B\n"
    items = prepared(tmp_path, table, "csv", items_title=None)["items"]
    assert items["title"].to_list() == [None, None]
    assert items["title_column"].to_list() == ["A", "B"]


def test_users_have_texts_and_numbers(tmp_path):
    table = pl.DataFrame(
        {"who": ["u ", "v"], "title": ["Mr", "Ms"], "tags": [["x"], ["y"]], "height": [1.5, None]}
    )
    made = prepared(tmp_path, table, "parquet", users_user="who")
    assert made["users"].rows() == [(0, "u", "Mr", 1.5), (1, "v", "Ms", None)]
    [note] = made["report"]["notes"]
    assert note.startswith("the column tags of the table of users holds lists")


def test_two_columns_of_one_name_are_refused(tmp_path):
    with pytest.raises(DataError, match="more than one column called 'p'"):
        prepared(tmp_path, "item_id,title,p,p\na,A,1,2\n", "csv")


def test_a_table_of_users_that_knows_nobody_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"none of its 2 users, such as 'u'(.|\n)*users_user"):
        prepared(tmp_path, "who,age\nx,3\n", "csv", users_user="who")


@pytest.mark.parametrize(
    ("texts", "decimal", "read"),
    [
        (["1,5", "1.234,5", None], ",", [1.5, 1234.5, None]),
        (["1,234", "5"], ".", [1234.0, 5.0]),
        (["1.234", "5"], ",", [1234.0, 5.0]),
        (["1 234,50", "3"], ",", [1234.5, 3.0]),
        (["7", "8"], ",", ["7", "8"]),
        (["1,5", "free"], ",", ["1.5", "free"]),
        (["1,5", "2"], None, ["1,5", "2"]),
        (["1.5", "nan"], None, [1.5, None]),
    ],
)
def test_numbers_are_read_by_the_decimal_mark(texts, decimal, read):
    column = typed(pl.Series("p", texts), decimal)
    assert isinstance(column, pl.Series) and column.to_list() == read


@pytest.mark.parametrize(
    ("texts", "lists"),
    [
        (["x;y", "z"], [["x", "y"], ["z"]]),
        (["x, y", None], [["x", "y"], None]),
        (["x|y, z", "x"], [["x", "y, z"], ["x"]]),
        (['["x"]', "[]"], [["x"], []]),
    ],
)
def test_a_text_that_is_called_a_list_is_split(texts, lists):
    assert lists_of(pl.Series("g", texts)).to_list() == lists


def test_typed_columns_are_encoded_by_their_type(capsys):
    table = pl.DataFrame({"index": [1, 2, 3], "item": list("abc"), "g": ["x|y", "y", "x"]})
    table = table.with_columns(
        p=pl.Series(["1", "many", "3"]), t=pl.Series([["to be"], ["be"], []])
    )
    wanted = [{"g": "list"}, {"p": "number"}, {"t": "text"}]
    genres, price, text = encode_features(table, wanted, text_dim=2).values()
    assert isinstance(genres, Codes) and genres.code_VM.tolist()[1:] == [[1, 2], [2, 0], [1, 0]]
    assert isinstance(price, Numbers) and price.value_VF[1:, 1].tolist() == [0, 1, 0]
    assert isinstance(text, Numbers) and text.value_VF[1:3].all()
    told = capsys.readouterr().err
    assert "1 of 3 values of the column 'p' are no numbers" in told and "'many'" in told


@pytest.mark.parametrize("damage", ["", "{broken\n"])
def test_a_broken_line_takes_no_column_with_it(damage: str, tmp_path):
    table = '{"item_id":"a","title":"A","g":["x"],"p":1.5}\n{"item_id":"b","title":"B","g":[]}\n'
    items = prepared(tmp_path, table + damage, "jsonl", max_bad_rows=0.5)["items"]
    assert items.rows() == [(1, "a", "A", ["x"], 1.5), (2, "b", "B", [], None)]


def test_a_parquet_row_without_an_id_takes_no_column_with_it(tmp_path):
    table = pl.DataFrame({"item_id": ["a", None, "b"], "title": list("ANB"), "g": [["x"], [], []]})
    items = prepared(tmp_path, table, "parquet", max_bad_rows=0.5)["items"]
    assert items["g"].to_list() == [["x"], []]
