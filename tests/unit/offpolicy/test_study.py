"""A log and a target to estimates: what is true is found, and what can't be said isn't."""

import json
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from helpers.feedback import simulated, slate

from seqrec.errors import DataError
from seqrec.estimator import ESTIMATORS
from seqrec.feedback import Log, attribute, read_log
from seqrec.feedback.simulator import Users
from seqrec.offpolicy import Target, study
from seqrec.offpolicy.arrays import arrays_of, places
from seqrec.offpolicy.verdict import too_few
from seqrec.policy.epsilon_swap import EpsilonSwap
from seqrec.policy.greedy import Greedy
from seqrec.policy.plackett_luce import PlackettLuce

LOGGED = {"name": "plackett_luce", "temperature": 1.0}
LOGGING, NEAR = PlackettLuce(temperature=1.0), PlackettLuce(temperature=0.8)


def estimators(*names):
    return ESTIMATORS.build(ESTIMATORS.settings_of(names, {}))


@pytest.fixture(scope="module")
def logged(tmp_path_factory):
    """Slates of a log, and what one was worth."""
    folder = tmp_path_factory.mktemp("log") / "log"
    worth = simulated(folder, Users(), LOGGING, LOGGED, slates=2500, day=20_000)
    return attribute(read_log(folder))[0], worth


def spoil(slates, column, value, rows=1):
    """Give the first rows another value of a column."""
    first = pl.int_range(pl.len()) < rows
    changed = pl.lit(value, slates.schema[column])
    return slates.with_columns(pl.when(first).then(changed).otherwise(column).alias(column))


def test_production_is_what_it_was_worth(logged):
    slates, worth = logged
    facts = study(slates, Target(NEAR), estimators("snips")).facts
    assert abs(facts["production"] - worth) <= 4 * facts["production_error"]


def test_every_estimator_finds_the_value_of_another_policy(logged, tmp_path):
    slates, _ = logged
    truth = simulated(tmp_path / "log", Users(), NEAR, LOGGED, slates=2500)
    names = [name for name in ESTIMATORS.names() if name != "delta"]
    for row in study(slates, Target(NEAR), estimators(*names)).rows:
        error = (row.high - row.low) / 3.92
        assert abs(row.value - truth) <= 4 * max(error, 0.01), row.estimator


def test_the_logged_policy_has_weights_of_one(logged):
    found = study(logged[0], Target(LOGGING), estimators("ips", "rips", "delta"))
    assert found.facts["weights"] == pytest.approx(dict.fromkeys(found.facts["weights"], 1.0))
    assert found.facts["support"] == pytest.approx(1)
    assert found.rows[0].value == pytest.approx(found.facts["production"])
    assert found.rows[0].effective == pytest.approx(2500)
    assert found.rows[0].says == "can say"
    assert found.rows[2].says == "no difference to be seen"


def test_too_few_slates_say_how_many_more(logged):
    row = study(logged[0], Target(Greedy()), estimators("snips")).rows[0]
    assert row.effective < 1000
    assert "can't say, needs about" in row.says
    assert too_few(500, 1000) == "needs about 1,000 more slates"
    assert too_few(1000, 1000) is None
    assert too_few(0, 1000) == "no slate is one that the target could show"


def test_slices_have_support_of_their_own_to_show(logged):
    slates = logged[0].with_columns(
        pl.when(pl.int_range(pl.len()) < 100)
        .then(pl.lit(["h"] * 30))
        .otherwise("history")
        .alias("history")
    )
    found = study(slates, Target(LOGGING), estimators("snips", "delta"))
    by = {}
    for row in found.slices:
        by.setdefault(row["by"], {})[row["slice"]] = row
    assert set(by) == {"history", "list of its session", "time of day", "policy"}
    assert all(sum(row["slates"] for row in rows.values()) == 2500 for rows in by.values())
    few, many = by["history"]["more"], by["history"]["one item"]
    assert few["slates"] == 100 and few["says"].startswith("can't say, needs about 9")
    assert many["slates"] == 2400 and many["says"] == "can say"
    earned = slates["rewards"].list.sum()
    assert few["value"] == pytest.approx(earned[:100].mean())
    assert many["production"] == pytest.approx(earned[100:].mean())
    [whole] = by["policy"].values()
    assert whole["slice"].startswith("plackett_luce temperature=1")
    assert whole["value"] == pytest.approx(found.rows[0].value)


def test_a_slice_whose_lists_the_target_never_shows_cant_say(logged):
    slates, even = logged[0], json.dumps({"name": "plackett_luce", "temperature": 1e5})
    apart = pl.col("candidate_scores").list.eval(9.0 * pl.element())
    other = slates.with_columns(
        candidate_scores=apart, policy=pl.lit(even), history=pl.lit(["h"] * 9)
    )
    mixed = pl.concat([slates[:1250], other[1250:]])
    found = study(mixed, Target(PlackettLuce(temperature=0.9)), estimators("snips"))
    says = {row["slice"]: row["says"] for row in found.slices if row["by"] == "history"}
    assert says["one item"] == "can say" and "shown too rarely" in says["6 to 20 items"]


def test_a_day_without_slates_is_listed(logged):
    slates, _ = logged
    late = slates[:100].with_columns(pl.col("time") + 2 * 86_400_000)
    days = study(pl.concat([slates[100:], late]), Target(NEAR), estimators("snips")).days
    assert [day["slates"] for day in days] == [2400, 0, 100]
    assert days[1] == {"day": "2024-10-05", "slates": 0}


def test_a_greedy_log_is_refused_with_the_reason(logged):
    greedy = logged[0].with_columns(pl.lit(json.dumps({"name": "greedy"})).alias("policy"))
    with pytest.raises(DataError, match="draws nothing"):
        study(greedy, Target(NEAR), estimators("snips"))


def test_greedy_slates_among_others_are_left_out(logged):
    mixed = spoil(logged[0], "policy", '{"name":"greedy"}', rows=10)
    assert study(mixed, Target(NEAR), estimators("snips")).facts["left_out"]["greedy"] == 10


@pytest.mark.parametrize(
    ("column", "value", "why"),
    [
        ("propensities", [0.0, 0.5, 0.5], "spoiled"),
        ("propensities", [1.5, 0.5, 0.5], "spoiled"),
        ("propensities", [float("nan"), 0.5, 0.5], "spoiled"),
        ("propensities", [None, 0.5, 0.5], "spoiled"),
        ("items", ["i0", "i1", "stranger"], "spoiled"),
        ("items", ["i0", "i0", "i1"], "spoiled"),
        ("candidate_scores", [float("nan")] * 12, "spoiled"),
        ("candidates", None, "empty"),
        ("candidates", [], "empty"),
        ("bundle", "another", "other_bundle"),
        ("policy", '{"name":"oracle"}', "unknown_policy"),
        ("policy", '{"name":"plackett_luce","temperature":"hot"}', "unknown_policy"),
        ("policy", "[" * 100, "unknown_policy"),
    ],
)
def test_slates_that_tell_nothing_are_left_out_and_counted(logged, column, value, why):
    found = study(spoil(logged[0], column, value), Target(NEAR), estimators("snips"))
    assert found.facts["slates"] == 2499
    assert {name: n for name, n in found.facts["left_out"].items() if n} == {why: 1}


def test_many_wrong_propensities_say_nothing(logged):
    found = study(spoil(logged[0], "propensities", [2.0] * 3, rows=100), Target(NEAR),
                  estimators("snips"))  # fmt: skip
    assert "can't say, the propensities of 4.0%" in found.rows[0].says


def test_a_bundle_can_be_chosen_by_the_begin_of_its_sha(logged):
    mixed = spoil(logged[0], "bundle", "another", rows=1000)
    assert study(mixed, Target(NEAR), estimators("snips"), bundle="ano").facts["slates"] == 1000
    with pytest.raises(DataError, match="no slate was scored by a bundle nobody"):
        study(mixed, Target(NEAR), estimators("snips"), bundle="nobody")


def test_an_empty_log_is_refused(logged):
    with pytest.raises(DataError, match="no slates"):
        study(logged[0].clear(), Target(NEAR), estimators("snips"))


def test_policies_of_one_log_are_weighed_each_by_its_own(tmp_path):
    folder = tmp_path / "log"
    simulated(folder, Users(), LOGGING, LOGGED, slates=400)
    swap = {"name": "epsilon_swap", "epsilon": 0.5}
    simulated(folder, Users(), EpsilonSwap(epsilon=0.5), swap, slates=400, seed=1)
    slates = attribute(read_log(folder))[0]
    found = study(slates, Target(), estimators("ips"))
    assert found.rows[0].value == pytest.approx(found.facts["production"])


def test_slates_of_several_lengths_are_no_error(tmp_path):
    folder, rng = tmp_path / "log", np.random.default_rng(0)
    log = Log(folder)
    for n in range(60):
        size, slots = 4 + n % 3, 1 + n % 4
        shown = LOGGING.choose(np.linspace(1, 0, size), slots, rng)
        names = [f"i{place}" for place in range(size)]
        log.write([
            slate(f"r{n}", items=[names[p] for p in shown.order_K], policy=LOGGED, session=str(n),
                  scores=shown.propensity_K.tolist(), propensities=shown.propensity_K.tolist(),
                  candidates=names, candidate_scores=np.linspace(1, 0, size).tolist())
        ])  # fmt: skip
    log.close()
    slates = attribute(read_log(folder))[0]
    found = study(slates, Target(LOGGING), estimators(*ESTIMATORS.names()))
    assert all(np.isfinite(row.value) for row in found.rows)
    assert found.facts["weights"]["largest"] == pytest.approx(1)


def test_plain_values_are_json_even_of_one_session(logged):
    one = logged[0].with_columns(pl.lit("me").alias("session"))
    plain = study(one, Target(NEAR), estimators("snips")).plain()
    assert json.loads(json.dumps(plain, allow_nan=False))["estimates"][0]["low"] is None


def test_items_are_found_row_by_row():
    rows = np.array([[3, 1, -1], [0, 3, 2]])
    assert places(rows, np.array([[1, 0], [2, -1]])).tolist() == [[1, -1], [2, -1]]


def test_arrays_hold_what_the_table_does(logged):
    arrays, ids = arrays_of(logged[0][:5])
    row = logged[0].row(2, named=True)
    assert [ids[code] for code in arrays.item_NK[2]] == row["items"]
    assert arrays.reward_NK[2].tolist() == row["rewards"]
    assert [ids[c] for c in arrays.candidates.item_NM[2]] == row["candidates"]


def test_a_prediction_learns_from_other_sessions_alone(logged):
    from seqrec.offpolicy.prediction import FOLDS, fit

    arrays, ids = arrays_of(logged[0])
    mine = arrays.session_N % FOLDS == 0
    richer = replace(arrays, reward_NK=arrays.reward_NK + mine[:, None])
    before, after = fit(arrays, len(ids)), fit(richer, len(ids))
    np.testing.assert_array_equal(before.look_FK[0], after.look_FK[0])
    assert (after.look_FK[1] > before.look_FK[1]).all()


def test_a_page_holds_its_texts_as_texts(logged, tmp_path):
    from seqrec.offpolicy.show.page import write_study

    found = study(logged[0], Target(NEAR), estimators("snips", "delta"))
    told = {"log": "<script>alert(1)</script>", "target": "<b>x</b>", "lines": {}, "outcomes": {}}
    write_study(tmp_path / "page.html", {**told, **found.plain()})
    page = (tmp_path / "page.html").read_text()
    assert "<script>alert" not in page
    assert "&lt;b&gt;x&lt;/b&gt;" in page
    assert "By day" in page
