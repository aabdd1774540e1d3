"""Amazon reviews of every version, in small."""

import gzip
import json
from dataclasses import replace
from pathlib import Path

import pytest

from seqrec.data.amazon import Amazon
from seqrec.errors import ConfigError, DataError

HEADER = "user_id,parent_asin,rating,timestamp"


REVIEW = {"user_id": "U", "parent_asin": "I", "asin": "no", "rating": 5.0, "timestamp": 10**12}


@pytest.mark.parametrize(
    ("version", "subset", "file", "content"),
    [
        (2014, "ratings", "ratings_Books.csv", "U,I,5.0,1000000000\n"),
        (2018, "ratings", "Books.csv", "I,U,5.0,1000000000\n"),
        (2023, "5core", "Books.csv", f"{HEADER}\nU,I,5.0,{10**12}\n"),
        (2023, "reviews", "Books.jsonl", json.dumps(REVIEW)),
    ],
)
def test_amazon_layouts(version: int, subset: str, file: str, content: str, tmp_path: Path):
    for path, data in ((file, content.encode()), (f"{file}.gz", gzip.compress(content.encode()))):
        (tmp_path / path).write_bytes(data)
        source = Amazon(category="Books", version=version, subset=subset, raw_dir=str(tmp_path))
        assert source.read().events.collect().rows() == [("U", "I", 10**12, 5.0)]
        (tmp_path / path).unlink()


META = {  # one item as each version describes it
    2014: "{'asin': 'I', 'title': \"It's\", 'price': 9.5, 'brand': '', "
    "'categories': [['B', 'C &amp; D'], ['B', 'E']], 'salesRank': {'Books': 5}}",
    2018: '{"asin": "I", "title": "It\'s", "price": "$1,009.50", "brand": "Acme &amp; Co", '
    '"category": ["B", "C &amp; D"], "rank": "5 in B", "also_buy": []}',
    2023: '{"parent_asin": "I", "title": "It\'s", "price": 9.5, "store": "Shop", '
    '"main_category": "A", "categories": ["B", "C & D"], "details": {"Brand": "Acme"}}',
}


DESCRIBED = {
    2014: ("I", "It's", None, ["B", "C & D", "E"], 9.5),
    2018: ("I", "It's", "Acme & Co", ["B", "C & D"], 1009.5),
    2023: ("I", "It's", "Acme", ["B", "C & D"], 9.5),
}


FILE = {2014: "meta_Books.json", 2018: "meta_Books.json", 2023: "meta_Books.jsonl"}


def books(folder: Path, version: int, meta: str) -> Amazon:
    (folder / "ratings_Books.csv").write_text("U,I,5.0,1000000000\n")
    (folder / "Books.csv").write_text(
        f"{HEADER}\nU,I,5.0,{10**12}\n" if version == 2023 else "I,U,5.0,1000000000\n"
    )
    (folder / FILE[version]).write_text(meta)
    return Amazon(category="Books", version=version, subset="ratings", raw_dir=str(folder))


@pytest.mark.parametrize("version", [2014, 2018, 2023])
def test_amazon_metadata_of_every_version(version: int, tmp_path: Path):
    items = books(tmp_path, version, META[version]).read().items
    assert items is not None and items.collect().rows() == [DESCRIBED[version]]


def test_amazon_metadata_without_what_it_may_lack(tmp_path: Path, capsys):
    lines = (
        '{"parent_asin": "I", "title": null, "price": "from 9.99", "main_category": "A", '
        '"categories": []}\n[1]\n{"parent_asin": "J", "title": "var x = getTime()", '
        '"price": NaN, "store": "Shop", "details": "{}"}\n{"parent_asin": \n'
    )
    with pytest.raises(DataError, match=r"2 of 4 rows of meta_Books\.jsonl(.|\n)*line 2 .*\[1\]"):
        books(tmp_path, 2023, lines).read()
    items = replace(books(tmp_path, 2023, lines), max_bad_rows=0.5).read().items
    assert items is not None
    assert items.collect().rows() == [("I", None, None, ["A"], None), ("J", None, "Shop", [], None)]
    assert "skipped 2 of 4 rows of meta_Books.jsonl: 2 broken line" in capsys.readouterr().err


def test_amazon_metadata_that_is_cut_off_is_named(tmp_path: Path):
    source = books(tmp_path, 2018, "")
    whole = gzip.compress("\n".join(META[2018].replace("I", str(i)) for i in range(999)).encode())
    (tmp_path / FILE[2018]).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"meta_Books\.json is cut off"):
        source.read()


def test_amazon_names_what_is_published():
    with pytest.raises(ConfigError, match=r"Video_Games(.|\n)*data.category=Musical_Instruments"):
        Amazon(category="Musical_Instrument")
    with pytest.raises(ConfigError, match="2014, 2018, 2023"):
        Amazon(category="Books", version=2020)
