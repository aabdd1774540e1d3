"""Groups of users: from the table of users to slices and gaps."""

import math

import numpy as np
import polars as pl
import pytest
from place import Place, metrics

from seqrec.data.files import Files
from seqrec.data.movielens_1m import MovieLens1M
from seqrec.data.movielens_100k import MovieLens100K
from seqrec.errors import ConfigError, DataError
from seqrec.experiment.groups import user_groups
from seqrec.experiment.slices import LEAST, slice_metrics
from seqrec.metric.ndcg import NDCG

USERS = pl.DataFrame(
    {
        "index": range(12),
        "user": list("abcdefghijkl"),
        "gender": ["F", "M", " F ", "", None, *"MMMMMMM"],
        "age": [*range(20, 31), None],
        "text_age": [*map(str, range(20, 31)), None],
        "stars": [1, 2, 3] * 4,
        "job": ["a/b"] * 12,
        "empty": [None] * 12,
    }
)


def test_texts_and_a_few_numbers_are_taken_as_they_are():
    groups = user_groups(USERS, ["gender", "stars", "job"])
    assert groups["group/gender"].to_list() == ["F", "M", "F", None, None, *"MMMMMMM"]
    assert groups["group/stars"].to_list() == ["1", "2", "3"] * 4
    assert set(groups["group/job"]) == {"a|b"}  # a slash would part the metric's name
    assert user_groups(USERS, []).is_empty()


@pytest.mark.parametrize("name", ["age", "text_age"])
def test_many_numbers_are_cut_at_their_quartiles(name):
    [groups] = user_groups(USERS, [name])
    ages = [*range(20, 31)]
    edges = [np.quantile(ages, q) for q in (0.25, 0.5, 0.75)]
    parts: dict[int, list[int]] = {}
    for age in ages:
        parts.setdefault(sum(age > edge for edge in edges), []).append(age)
    wanted = [f"{min(p)} to {max(p)}" for at in sorted(parts) for p in [parts[at]] for _ in p]
    assert groups.to_list() == [*wanted, None]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("gendre", "'gendre' isn't known of the users(.|\n)*choose of gender, age"),
        ("empty", "'empty' isn't known"),
        ("user", "'user' is a kind of event already"),
    ],
)
def test_what_is_not_known_of_users_is_told(name, words):
    with pytest.raises(ConfigError, match=words):
        user_groups(USERS, [name])


def test_gaps_are_between_the_best_and_the_worst_served_of_the_large_groups():
    rng = np.random.default_rng(0)
    group = rng.choice(["7", "25", "100"], 400, p=[0.3, 0.4, 0.3]).tolist() + ["few"] * (LEAST - 1)
    group += [None] * 5
    rank = rng.integers(1, 30, len(group))
    rank[-20:] = 1
    same = np.ones(len(group), dtype=int)
    events = pl.DataFrame(
        {"history": same, "user_events": same, "item_events": same, "rank": rank}
        | {"group/age": group}
    )
    found = slice_metrics(events, {"ndcg": NDCG()}, 10)
    means = {}
    for name in ("7", "25", "100", "few"):
        those = [r for r, g in zip(rank, group, strict=True) if g == name]
        means[name] = sum(1 / math.log2(r + 1) for r in those if r <= 10) / len(those)
        assert found[f"slices/age={name}/events"] == len(those)
        assert found[f"slices/age={name}/ndcg@10"] == pytest.approx(means[name])
    del means["few"]
    assert found["gaps/age/ndcg@10"] == pytest.approx(max(means.values()) - min(means.values()))
    order = [name for name in found if name.startswith("slices/age=") and "events" in name]
    assert [name.split("=")[1].split("/")[0] for name in order] == ["7", "25", "100", "few"]


def test_tables_of_movielens_users(tmp_path):
    (tmp_path / "u.data").write_text("7\t1\t5\t881250949\n")
    (tmp_path / "u.item").write_text("1|X (1995)|||" + "|0" * 19 + "\n")
    (tmp_path / "ratings.dat").write_text("7::1::5::978300760\n")
    (tmp_path / "movies.dat").write_text("1::X (1995)::Drama\n")
    hundred, million = (kind(raw_dir=str(tmp_path)) for kind in (MovieLens100K, MovieLens1M))
    assert hundred.read().users is None and million.read().users is None
    (tmp_path / "u.user").write_text("7|24|M|technician|85711\n")
    (tmp_path / "users.dat").write_text("7::M::25::15::85711\n8::F\n")
    row = {"user": "7", "age": 24, "gender": "M", "occupation": "technician"}
    assert hundred.read().users.collect().to_dicts() == [row]
    row = {"user": "7", "gender": "M", "age": 25, "occupation": "15"}
    assert million.read().users.collect().to_dicts()[0] == row
    (tmp_path / "u.user").write_text("7|24|M|technician|85711\n8|24\n")
    with pytest.raises(DataError, match="row 2 of the users of MovieLens 100K has 2 fields"):
        hundred.read()


def test_a_file_of_users(tmp_path):
    (tmp_path / "e.csv").write_text("user_id,item_id\na,x\n")
    (tmp_path / "u.csv").write_text("who,gender\na,F\nb,M\n")
    source = Files(
        path="e.csv", timestamp=None, users_path="u.csv", users_user="who", raw_dir=str(tmp_path)
    )
    assert source.read().users.collect().rows() == [("a", "F"), ("b", "M")]
    (tmp_path / "u.csv").write_text("whom,gender\na,F\n")
    with pytest.raises(DataError, match=r"no column 'who'(.|\n)*data\.users_user=whom"):
        source.read()


@pytest.mark.slow
def test_a_run_tells_how_groups_are_served(tmp_path):
    rng = np.random.default_rng(0)
    rows = [(u, i, t) for u in range(80) for t, i in enumerate(rng.permutation(20)[:8])]
    events = "".join(f"u{u},i{i},{t}\n" for u, i, t in rows)
    (tmp_path / "events.csv").write_text("user,item,timestamp\n" + events)
    people = "".join(f"u{u},{'FM'[u % 2]}\n" for u in range(70))
    (tmp_path / "people.csv").write_text("user,gender\n" + people)
    place = Place(tmp_path)
    given = ["data=files", f"data.path={tmp_path / 'events.csv'}", "data.user=user"]
    given += ["data.item=item", f"data.users_path={tmp_path / 'people.csv'}"]
    given += ["data.users_user=user", "prepare.k_core=0", "logger=none", "trainer=cpu"]
    said = place.run("train.py", *given, "model=popularity", "evaluation.groups=[gender]")
    found = metrics(place.runs()[0])
    assert found["slices/gender=F/events"] == found["slices/gender=M/events"] == 35
    served = [found[f"slices/gender={which}/ndcg@10"] for which in "FM"]
    assert found["gaps/gender/ndcg@10"] == max(served) - min(served)
    assert f"gender: F {served[0]:.4f}, M {served[1]:.4f}" in said
    wrong = place.run("train.py", *given, "model=popularity", "evaluation.groups=[sex]", status=2)
    assert "'sex' isn't known of the users" in wrong and "choose of gender" in wrong
