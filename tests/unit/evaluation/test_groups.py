"""Groups of users: what they are, and the slices and gaps of their test metrics."""

from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from helpers.run_folders import write_run

from seqrec.comparison.estimate.comparison import compare
from seqrec.comparison.estimate.measured import slice_estimates
from seqrec.comparison.read.find import find_runs
from seqrec.comparison.show.report.slices import slice_dots
from seqrec.errors import ConfigError
from seqrec.evaluation.groups import find_groups
from seqrec.evaluation.slices import balanced_metrics, slice_metrics
from seqrec.metric.ndcg import NDCG


def users_table() -> pl.DataFrame:
    random = np.random.default_rng(0)
    return pl.DataFrame(
        {
            "index": range(600),
            "user": [f"u{at}" for at in range(600)],
            "gender": random.choice(np.array(["F", "M", "M", None]), 600).tolist(),
            "age": random.choice(np.array([7, 20, 20, 31, 32, 40, 44, 50, 60, 73]), 600),
            "income": [f"{at / 4}" if at % 7 else " " for at in range(600)],
            "children": random.integers(0, 4, 600),
            "job": [f"job/{at % 12}" for at in range(600)],
            "code": [f"{at}x" for at in range(600)],
            "same": ["one"] * 600,
            "empty": [None] * 600,
            "item": ["A", "B"] * 300,
        }
    )


def test_auto_takes_attributes_of_few_groups():
    found = find_groups(users_table(), "auto")
    assert list(found) == ["gender", "age", "income", "children"]
    assert found["gender"].dtype == pl.Enum(["F", "M"])
    assert find_groups(users_table(), None) == find_groups(users_table(), []) == {}
    assert list(find_groups(users_table(), "job")) == ["job"]
    assert find_groups(users_table().select("index", "user"), "auto") == {}


def test_ranges_are_quarters_of_the_users():
    users = users_table()
    for name in ("age", "income"):
        group = find_groups(users, [name])[name]
        number = users[name].cast(pl.String).str.strip_chars().cast(pl.Float64, strict=False)
        parts = {label: number.filter(group == label) for label in group.drop_nulls().unique()}
        assert (group.is_null() == number.is_null()).all() and len(parts) == 4
        for label, values in parts.items():
            least, most = map(float, label.split("-"))
            assert values.min() == least and values.max() == most
            assert 0.05 < len(values) / 600 < 0.45
        order = [parts[label] for label in group.dtype.categories]
        assert all(a.max() < b.min() for a, b in pairwise(order))


def test_a_mass_of_one_value_is_no_range_of_two():
    ages = pl.DataFrame({"index": range(40), "user": "u", "age": [0] * 31 + [*range(1, 10)]})
    group = find_groups(ages, ["age"])["age"]
    assert group.value_counts(sort=True).rows() == [("0", 31), ("1-9", 9)]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("gendre", "did you mean gender"),
        ("empty", "user attributes: age"),
        ("code", "600 values make too many groups"),
        ("item", "taken by slices that every run has"),
    ],
)
def test_groups_that_can_not_be(name, told):
    with pytest.raises(ConfigError, match=told):
        find_groups(users_table(), ["age", name])


def judged(seed: int = 0) -> pl.DataFrame:
    """Test events, some users more than once, with groups."""
    random, users = np.random.default_rng(seed), users_table()
    chosen = random.integers(0, 600, 900)
    groups = find_groups(users, ["gender", "age", "job"])
    return pl.DataFrame(
        {
            "history": random.integers(2, 9, 900),
            "user_events": random.integers(1, 9, 900),
            "item_events": random.integers(0, 3, 900),
            "rank": random.integers(1, 20, 900),
            **{f"user.{name}": group.gather(chosen) for name, group in groups.items()},
        }
    ).filter((pl.col("user.job") != "job-3") | (pl.int_range(pl.len()) < 200))


def test_groups_and_gaps_are_those_of_a_loop():
    events = judged()
    found = slice_metrics(events, {"ndcg": NDCG()}, 10)
    for name in ("gender", "age", "job"):
        worth: dict[str, list[float]] = {}
        for row in events.iter_rows(named=True):
            if row[f"user.{name}"] is not None:
                gain = 1 / np.log2(row["rank"] + 1) if row["rank"] <= 10 else 0.0
                worth.setdefault(row[f"user.{name}"], []).append(gain)
        for group, gains in worth.items():
            assert found[f"slices/{name}={group}/ndcg@10"] == pytest.approx(np.mean(gains))
            assert found[f"slices/{name}={group}/events"] == len(gains)
        means = [np.mean(gains) for gains in worth.values() if len(gains) >= 50]
        assert found[f"gaps/{name}/ndcg@10"] == pytest.approx(max(means) - min(means))
    assert found["slices/job=job-3/events"] < 50
    few = slice_metrics(events.head(60), {"ndcg": NDCG()}, 10)
    assert "slices/gender=F/ndcg@10" in few and "gaps/gender/ndcg@10" not in few
    assert slice_metrics(
        events.drop("user.gender", "user.age", "user.job"), {"ndcg": NDCG()}, 10
    ) == {
        key: value
        for key, value in found.items()
        if key.split("/")[1].partition("=")[0] not in ("gender", "age", "job")
    }


def test_the_report_shows_groups(tmp_path):
    for at in range(2):
        run = write_run(tmp_path / f"{at}", skill=at, users=60)
        ranks = pl.read_parquet(run / "ranks.parquet")
        names = [f"<{at % 12}>" for at in range(60)]
        group = pl.Series("user.job", names).cast(pl.Enum(sorted(set(names))))
        ranks.with_columns(group).write_parquet(run / "ranks.parquet")
    runs, _ = find_runs([str(tmp_path)])
    comparison = compare(runs, by=None, metrics=["ndcg@10"], reference=None, replicates=50)
    chart = slice_dots(comparison, slice_estimates(comparison, 50))
    [jobs] = [variant for variant in chart.variants if variant.label == "users by job"]
    assert len(jobs.sheet.header) == 13 and len(jobs.figure["data"]) == 8  # colours
    assert not any("<" in trace["name"] for trace in jobs.figure["data"])


def test_balanced_metrics_are_means_over_the_targets():
    """Three events of one item count as much as the one of another."""
    events = pl.DataFrame({"item": ["a", "a", "a", "b"], "rank": [1, 1, 20, 2]})
    found = balanced_metrics(events, {"ndcg": NDCG()}, 10)
    assert found == {"balanced/ndcg@10": pytest.approx((2 / 3 + 1 / np.log2(3)) / 2)}
