"""Published files, where they are: their counts, and where they can be had."""

import os
from pathlib import Path

import polars as pl
import pytest
from helpers.real_files import SHARED, counts, real

from seqrec.data.amazon import Amazon
from seqrec.data.complete_journey import CompleteJourney
from seqrec.data.diginetica import Diginetica
from seqrec.data.ebnerd import Ebnerd
from seqrec.data.files import Files
from seqrec.data.globo import Globo
from seqrec.data.kuairand import KuaiRand
from seqrec.data.kuairec import KuaiRec
from seqrec.data.lastfm_1k import Lastfm1K
from seqrec.data.mind import Mind
from seqrec.data.movielens_100k import MovieLens100K
from seqrec.data.movielens_small import MovieLensSmall
from seqrec.data.otto import Otto
from seqrec.data.retailrocket import Retailrocket
from seqrec.data.sequences import Sequences
from seqrec.data.yambda import Yambda
from seqrec.data.yoochoose import Yoochoose
from seqrec.errors import DataError
from seqrec.raw.source import Source


@real
@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (Diginetica(raw_dir=f"{SHARED}/diginetica"), (2986, 7139, 12_391)),
        (Otto(raw_dir=f"{SHARED}/otto-sample"), (20, 510, 862)),
        (Otto(raw_dir=f"{SHARED}/otto-sample", kinds=["carts", "orders"]), (None, None, 62)),
        (Globo(raw_dir=f"{SHARED}/globo-sample"), (121, 122, 318)),
        (Ebnerd(raw_dir=f"{SHARED}/ebnerd-test-sample"), (44, 2194, 8303)),
    ],
    ids=lambda value: value.name if hasattr(value, "name") else "",
)
def test_counts_of_real_files(source, expected):
    got = counts(source)
    assert all(want is None or have == want for have, want in zip(got, expected, strict=True))
    assert source.read().rejected == {}


@pytest.mark.parametrize(
    "source",
    [
        *(Yoochoose(), Diginetica(), Otto(), Globo(), Ebnerd(), Retailrocket(), Lastfm1K()),
        *(Yambda(), KuaiRec(), KuaiRand(), Mind()),
    ],
)
def test_what_can_not_be_fetched_says_where_it_is(source):
    with pytest.raises(DataError, match=r"(?s)can't be fetched.*https?://.*data\.raw_dir"):
        source.files()


def amazon(version: int, category: str) -> Amazon:
    return Amazon(category=category, version=version, raw_dir=f"{SHARED}/amazon-{version}-raw")


@real
@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (amazon(2014, "Musical_Instruments"), (1429, 900, 10_261)),
        (amazon(2018, "All_Beauty"), (991, 85, 5269)),
        (amazon(2018, "Gift_Cards"), (458, 148, 2972)),
        (MovieLens100K(raw_dir=f"{SHARED}/ml-100k"), (943, 1682, 100_000)),
        (MovieLensSmall(raw_dir=f"{SHARED}/ml-latest-small"), (610, 9724, 100_836)),
        (Sequences(path="ml-1m.txt.gz", raw_dir=f"{SHARED}/ml-1m"), (6040, 3416, 999_611)),
        (Sequences(path="Beauty.txt", raw_dir=f"{SHARED}/s3rec"), (22_363, 12_101, 198_502)),
    ],
    ids=lambda value: value.name if hasattr(value, "name") else "",
)  # fmt: skip
def test_published_counts(source: Source, expected: tuple[int, int, int]):
    assert counts(source) == expected
    assert source.read().rejected == {}


@real
def test_amazon_metadata_describes_every_gift_card():
    data = amazon(2018, "Gift_Cards").read()
    assert data.items is not None
    known = data.items.filter(pl.col("title").is_not_null()).collect()
    assert set(data.events.collect()["item"]) <= set(known["item"])
    assert known.schema["price"] == pl.Float32


@real
def test_a_stray_year_is_read_like_its_neighbours():
    source = Files(
        path=f"{SHARED}/lastfm-hetrec2011/lastfm.inter",
        user="user_id:token",
        item="item_id:token",
        timestamp="timestamp:float",
    )
    times = source.read().events.collect()["timestamp"].cast(pl.Datetime("ms")).dt.year()
    assert (times.min(), times.max(), (times < 2005).sum()) == (1956, 2011, 2)


FETCHED = Path(os.environ.get("SEQREC_CACHE_DIR", "~/.cache/seqrec")).expanduser() / "raw"


@pytest.mark.skipif(not (FETCHED / "complete-journey").is_dir(), reason="it isn't fetched")
def test_complete_journey_has_its_published_counts():
    source = CompleteJourney(fetch_dir=str(FETCHED))
    assert counts(source) == (2469, 68_509, 1_469_307)
    data = source.read()
    assert data.items is not None
    bought = data.events.select(pl.col("item").unique().cast(pl.String))
    assert bought.join(data.items, on="item", how="anti").collect().height == 17
