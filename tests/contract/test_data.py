"""What every source of data promises, and that sources which break a promise are found out.

Sources that can't be read here, as their files would have to be fetched, are held to saying so;
tests/unit/data reads small files of their formats.
"""

from dataclasses import dataclass

import polars as pl
import pytest
from helpers import CONFIGS
from helpers.components import names
from helpers.finished import write_shop
from helpers.real_files import SHARED
from omegaconf import OmegaConf

from seqrec.config.make import make
from seqrec.errors import DataError
from seqrec.raw.source import Interactions

REAL = {
    "movielens_100k": "ml-100k",
    "movielens_small": "ml-latest-small",
}
EVENTS = {"user", "item", "timestamp", "rating"}


HERE = ["files", "sequences", "synthetic", *(name for name in REAL if SHARED.is_dir())]


def described(name, **given):
    """The source that ``configs/data/<name>.yaml`` describes."""
    file = OmegaConf.load(CONFIGS / "data" / f"{name}.yaml").data
    whole = OmegaConf.create({"paths": {"raw_dir": "raw"}, "data": OmegaConf.merge(file, given)})
    return make(OmegaConf.to_container(whole, resolve=True)["data"])


@pytest.fixture(params=HERE)
def source(request, tmp_path):
    """A source that can be read here."""
    if request.param in REAL:
        return described(request.param, raw_dir=str(SHARED / REAL[request.param]))
    if request.param == "sequences":
        (tmp_path / "s.txt").write_text("1 4 2 3\n2 4 4 1\n3 1 2\n")
        return described("sequences", path=str(tmp_path / "s.txt"), format="users")
    if request.param == "files":
        shop = write_shop(tmp_path / "shop")
        known = {"rating": "stars", "context": ["device", {"dwell": "number"}]}
        items = {"items_path": str(shop.with_name("items.csv"))}
        return described("files", path=str(shop), **known, **items)
    return described(request.param)


def check_columns(source):
    """Every event has a user and an item; times and ratings have the types that are promised."""
    events = source.read().events.collect()
    assert len(events) and events["user"].null_count() == events["item"].null_count() == 0
    types = {"timestamp": pl.Int64, "rating": pl.Float32}
    for name, kind in types.items():
        assert name not in events.columns or events.schema[name] == kind
    for name in set(events.columns) - EVENTS:
        assert events.schema[name] in (pl.String, pl.Float32)


def check_tables(source):
    """An item, and a user, is described once."""
    data = source.read()
    for frame, key in ((data.items, "item"), (data.users, "user")):
        if frame is not None:
            table = frame.collect()
            assert table[key].null_count() == 0 and table[key].is_unique().all()
            assert table.schema[key] == pl.String
    assert data.items is None or data.items.collect_schema()["title"] == pl.String


def check_again(source):
    """Read again, the same events come in the same order.

    Two readings of one file make two sets of categories, which don't equal: text is compared.
    """
    ids = pl.col("user", "item").cast(pl.String)
    one, two = (source.read().events.with_columns(ids).collect() for _ in range(2))
    assert one.equals(two)


def check_name(source):
    """Its name is one of a folder."""
    assert source.name and not set(source.name) & set('/\\:*?"<>| ')


CHECKS = [check_columns, check_tables, check_again, check_name]


@pytest.mark.parametrize("check", CHECKS)
def test_a_source_keeps_its_promise(check, source):
    check(source)


@dataclass(frozen=True)
class Broken:
    """Two events of one user, but for what is changed."""

    events: pl.DataFrame
    items: pl.DataFrame | None = None
    name: str = "broken"
    again: tuple = ()

    def files(self):
        return []

    def read(self):
        events = self.again[0].pop() if self.again else self.events
        return Interactions(events.lazy(), None if self.items is None else self.items.lazy())


def two(**columns):
    return pl.DataFrame({"user": ["a", "a"], "item": ["x", "y"], **columns})


@pytest.mark.parametrize(
    ("check", "broken"),
    [
        (check_columns, Broken(two(user=["a", None]))),
        (check_columns, Broken(two(timestamp=["2020", "2021"]))),
        (check_columns, Broken(two().head(0))),
        (check_tables, Broken(two(), pl.DataFrame({"item": ["x", "x"], "title": ["X", "Y"]}))),
        (check_tables, Broken(two(), pl.DataFrame({"item": [1, 2], "title": ["X", "Y"]}))),
        (check_again, Broken(two(), again=([two(), two().reverse()],))),
        (check_name, Broken(two(), name="a/b")),
    ],
)
def test_a_broken_source_is_found_out(check, broken):
    with pytest.raises(AssertionError):
        check(broken)


@pytest.mark.parametrize("name", sorted({*names("data")} - {"synthetic", "files", "sequences"}))
def test_a_source_whose_files_are_not_there_says_where_they_would_be(name, tmp_path):
    source = described(name, raw_dir=str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match=r"raw_dir|nowhere"):
        source.read()
