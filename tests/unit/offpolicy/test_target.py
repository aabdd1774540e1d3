"""A bundle as target: it ranks what it would serve, in ids that it and the log share."""

import numpy as np
import polars as pl
import pytest
from helpers.feedback import slate
from helpers.small_bundles import vectors, write_bundle

from seqrec.bundle import Bundle
from seqrec.errors import DataError
from seqrec.estimator import ESTIMATORS
from seqrec.feedback import Log, attribute, read_log
from seqrec.offpolicy import Target, study
from seqrec.offpolicy.arrays import arrays_of
from seqrec.offpolicy.target import rescore
from seqrec.policy.plackett_luce import PlackettLuce

POLICY = PlackettLuce(candidates=8)
LOGGED = {"name": "plackett_luce", "candidates": 8}
IPS = ESTIMATORS.build(ESTIMATORS.settings_of(["ips"], {}))


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return Bundle.open(write_bundle(tmp_path_factory.mktemp("bundle") / "b", vectors(20)))


@pytest.fixture(scope="module")
def slates(bundle, tmp_path_factory):
    """What the bundle serves, logged: ten histories, with three slots of eight candidates."""
    log, rng = Log(tmp_path_factory.mktemp("log") / "log"), np.random.default_rng(0)
    for n in range(30):
        history = [f"i{1 + n % 10}", "nothing", f"i{11 + n % 5}"]
        best = bundle.recommend(history, k=8).items
        shown = POLICY.choose(best["score"].to_numpy(), 3, rng)
        log.write([
            slate(f"r{n}", session=f"s{n}", policy=LOGGED, history=history,
                  items=best["item"].gather(shown.order_K).to_list(),
                  scores=best["score"].gather(shown.order_K).to_list(),
                  propensities=shown.propensity_K.tolist(),
                  candidates=best["item"].to_list(), candidate_scores=best["score"].to_list())
        ])  # fmt: skip
    log.close()
    return attribute(read_log(log.folder))[0]


@pytest.mark.parametrize("own", [True, False])
def test_the_bundle_that_served_has_weights_of_one(bundle, slates, own):
    found = study(slates, Target(bundle=bundle, own=own), IPS)
    assert found.facts["weights"]["largest"] == pytest.approx(1, rel=1e-5)
    assert found.facts["weights"]["mean"] == pytest.approx(1, rel=1e-5)
    assert found.facts["support"] == pytest.approx(1)


def test_candidates_are_the_lists_that_the_bundle_recommends(bundle, slates):
    arrays, ids = arrays_of(slates)
    found = rescore(bundle, slates["history"], ids, arrays.candidates, most=20)
    names = dict(enumerate(ids))
    expected = bundle.recommend(slates["history"][0].to_list(), k=20).items["item"].to_list()
    row = [code for code in found.ranked.item_NM[0].tolist() if code >= 0]
    assert len(row) == len(expected)
    known = [(names[code], name) for code, name in zip(row, expected, strict=True) if code in names]
    assert all(mine == theirs for mine, theirs in known)
    assert found.items > max(row)


def test_logged_candidates_are_put_into_the_targets_order(slates, tmp_path):
    other = Bundle.open(write_bundle(tmp_path / "b", vectors(20, seed=1)))
    arrays, ids = arrays_of(slates)
    found = rescore(other, slates["history"], ids, arrays.candidates, most=None)
    row = [ids[code] for code in found.ranked.item_NM[3]]
    allowed = other.recommend(
        slates["history"][3].to_list(), k=8, mask_seen=False, allow=slates["candidates"][3]
    )
    assert row == allowed.items["item"].to_list()


def test_another_bundle_shows_what_was_no_candidate(slates, tmp_path):
    other = Bundle.open(write_bundle(tmp_path / "b", vectors(20, seed=1)))
    found = study(slates, Target(bundle=other), IPS)
    assert found.facts["support"] < 0.95
    assert "was no candidate" in found.rows[0].says


def test_histories_that_the_bundle_doesnt_know_are_left_out_and_counted(bundle, slates):
    first = pl.int_range(pl.len()) < 2
    strange = pl.lit(["stranger"], pl.List(pl.String))
    changed = slates.with_columns(
        pl.when(first).then(strange).otherwise("history").alias("history")
    )
    facts = study(changed, Target(bundle=bundle), IPS).facts
    assert (facts["slates"], facts["left_out"]["unknown_history"]) == (28, 2)


def test_a_bundle_of_other_data_is_refused(slates, tmp_path):
    table = vectors(3)
    other = Bundle.open(write_bundle(tmp_path / "b", table, ids=["x", "y", "z"]))
    with pytest.raises(DataError, match="none of the items"):
        study(slates, Target(bundle=other), IPS)
