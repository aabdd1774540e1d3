"""What is known of users: read from the tables of the sources, and kept."""

from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl
import pytest
from helpers.real_files import SHARED, real

from seqrec.config.schema import Prepare
from seqrec.data.files import Files
from seqrec.data.movielens_1m import MovieLens1M
from seqrec.data.movielens_100k import MovieLens100K
from seqrec.errors import DataError
from seqrec.raw.source import Interactions
from seqrec.store.prepare import prepare

GOOD = "1|24|M|technician|85711\n2|53|F|other|94043\n"


def movielens(folder: Path, people: str | None, max_bad_rows: float = 0.01) -> MovieLens100K:
    folder.mkdir(exist_ok=True)
    (folder / "u.data").write_text("1\t1\t5\t881250949\n2\t1\t4\t881250950\n3\t1\t4\t881250951\n")
    (folder / "u.item").write_text(f"1|X (1995)|01-Jan-1995||link|{'|'.join('0' * 19)}\n")
    if people is not None:
        (folder / "u.user").write_text(people)
    return MovieLens100K(raw_dir=str(folder), max_bad_rows=max_bad_rows)


def people_of(source: MovieLens100K) -> list[tuple]:
    users = source.read().users
    assert users is not None
    return users.collect().rows()


def test_both_tables_of_movielens_100k_say_the_same(tmp_path):
    source = movielens(tmp_path / "official", GOOD)
    assert people_of(source) == [("1", 24, "M", "technician"), ("2", 53, "F", "other")]
    wheel = tmp_path / "wheel"
    wheel.mkdir()
    tables = {
        "inter": "user_id:token\titem_id:token\trating:float\ttimestamp:float\n1\t1\t5\t9\n",
        "item": "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq\n"
        "1\tX\t1995\tWar\n",
        "user": "user_id:token\tage:token\tgender:token\toccupation:token\tzip_code:token\n"
        + GOOD.replace("|", "\t"),
    }
    for kind, text in tables.items():
        (wheel / f"ml-100k.{kind}").write_text(text)
    assert people_of(MovieLens100K(raw_dir=str(wheel))) == people_of(source)
    (wheel / "ml-100k.user").unlink()
    assert MovieLens100K(raw_dir=str(wheel)).read().users is None


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        ("3|24|M|technician\n", "1 wrong column count"),
        ("3|24|M|tech|nician|85711\n", "1 wrong column count"),
        ("|24|M|technician|85711\n", "1 missing id"),
    ],
)
def test_malformed_users_are_told_and_left_out(bad, told, tmp_path, capsys):
    source = movielens(tmp_path, GOOD + bad, max_bad_rows=0.5)
    assert len(people_of(source)) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert f"skipped 1 of 3 rows of u.user: {told}" in said
    with pytest.raises(DataError, match=r"1 of 3 rows of u\.user are malformed(.|\n)*line 3"):
        replace(source, max_bad_rows=0.1).read()


def test_what_is_not_said_of_a_user_is_unknown(tmp_path):
    source = movielens(tmp_path, "1|x|M||\n2|53||other|94043\n")
    assert people_of(source) == [("1", None, "M", None), ("2", 53, None, "other")]


def test_movielens_1m_names_ages_and_occupations(tmp_path):
    (tmp_path / "ratings.dat").write_text("1::10::5::978300760\n")
    (tmp_path / "movies.dat").write_text("10::X (1997)::Drama\n")
    source = MovieLens1M(raw_dir=str(tmp_path))
    assert source.read().users is None
    (tmp_path / "users.dat").write_text("1::F::1::10::48067\n2::M::56::16::70072\n3::M::7::99::0\n")
    users = source.read().users
    assert users is not None and users.collect().rows() == [
        ("1", "F", "under 18", "K-12 student"),
        ("2", "M", "56+", "self-employed"),
        ("3", "M", None, None),
    ]


def test_files_take_a_table_of_users_in_any_format(tmp_path):
    (tmp_path / "e.csv").write_text("user_id,item_id\n7,x\n8,x\n")
    table = pl.DataFrame({"who": [7, 9], "tall": [True, False], "index": [1, 2]})
    table.write_csv(tmp_path / "u.csv"), table.write_parquet(tmp_path / "u.parquet")
    source = Files(path="e.csv", timestamp=None, raw_dir=str(tmp_path), users_user="who")
    assert source.read().users is None
    for path in ("u.csv", "u.parquet"):
        users = replace(source, users_path=path).read().users
        assert users is not None
        assert users.collect().to_dicts() == [
            {"user": "7", "tall": "true"},
            {"user": "9", "tall": "false"},
        ]
    with pytest.raises(DataError, match=r"no column 'person'(.|\n)*data\.users_user="):
        replace(source, users_path="u.csv", users_user="person").read()


@dataclass(frozen=True, kw_only=True)
class Club:
    """Three members, of whom two are described."""

    described: bool = True

    name = "club"

    def files(self) -> list[Path]:
        return []

    def read(self) -> Interactions:
        rows = {
            "user": ["a", "b", "a", "c", "a"],
            "item": list("xyzxy"),
            "timestamp": [0, 0, 10**9, 0, 10**9 + 1],
        }
        known = pl.LazyFrame({"user": ["z", "c", "a", "a"], "colour": ["red", "blue", "red", "no"]})
        return Interactions(pl.LazyFrame(rows), users=known if self.described else None)


def test_the_store_keeps_what_is_known_of_the_users_that_are_left(tmp_path):
    store = prepare(Club(), Prepare(), tmp_path)
    assert store.users().rows() == [(0, "a", "red"), (1, "b", None), (2, "c", "blue")]
    bare = prepare(Club(described=False), Prepare(), tmp_path)
    assert bare.users().rows() == [(0, "a"), (1, "b"), (2, "c")]
    assert bare.data_hash == store.data_hash and bare.users_hash != store.users_hash
    sessions = prepare(Club(), Prepare(session_gap=1, max_history=1), tmp_path).users()
    assert sessions.select("user", "colour").sort("user").rows() == [
        ("a/1", "red"),
        ("a/2", "red"),
        ("b/1", None),
        ("c/1", "blue"),
    ]


@real
def test_real_users_are_described(tmp_path):
    users = MovieLens100K(raw_dir=f"{SHARED}/ml-100k").read().users
    assert users is not None
    table = users.collect()
    assert len(table) == 943 and table["gender"].value_counts().sort("gender").rows() == [
        ("F", 273),
        ("M", 670),
    ]
    assert table["age"].min() == 7 and table["occupation"].n_unique() == 21
    assert table.null_count().row(0) == (0, 0, 0, 0)
