"""Published counts beside what was read."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest
from helpers import CONFIGS
from helpers.experiments import root

from seqrec.build import build_source
from seqrec.config.schema import Expect, Prepare
from seqrec.raw.source import Interactions
from seqrec.store.expect import unexpected
from seqrec.store.prepare import prepare


@dataclass(frozen=True, kw_only=True)
class Shop:
    """Two users, three items, four events, and one malformed row."""

    name = "shop"

    def files(self) -> list[Path]:
        return []

    def read(self) -> Interactions:
        rows = {"user": ["a", "a", "b", "b"], "item": ["x", "y", "z", "x"]}
        return Interactions(pl.LazyFrame(rows), None, {"missing id": 1})


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return prepare(Shop(), Prepare(max_history=1), tmp_path_factory.mktemp("store"))


@pytest.mark.parametrize(
    "counts",
    [Expect(2, 3, 5), Expect(interactions=5), Expect()],  # a malformed row was published, too
)
def test_what_is_as_published_is_no_news(counts, store):
    assert unexpected(store, {"shop": counts}) is None


def test_a_difference_is_told_with_both_numbers(store):
    told = unexpected(store, {"shop": Expect(users=3, items=3)})
    assert told is not None and "shop isn't as published: 2 users (published: 3). " in told
    told = unexpected(store, {"shop": Expect(items=9000, interactions=4)})
    assert told is not None and "3 items (published: 9,000), 5 interactions (published: 4)" in told


def test_other_data_of_a_source_is_not_compared(store):
    assert unexpected(store, {"shop-of-others": Expect(users=9)}) is None
    assert unexpected(store, None) is None


@pytest.mark.slow
def test_every_dataset_expects_counts_of_its_own_names():
    expecting = 0
    for file in sorted((CONFIGS / "data").glob("*.yaml")):
        if "\nexpect:" not in file.read_text():
            continue
        part = ["data.raw_dir=ebnerd_small/train"] if file.stem == "ebnerd" else []
        config = root(f"data={file.stem}", *part)
        assert config.expect and build_source(config).name in config.expect, file.name
        assert all(any(vars(counts).values()) for counts in config.expect.values())
        expecting += 1
    assert expecting > 10
