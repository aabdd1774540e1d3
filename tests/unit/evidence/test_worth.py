"""What a candidate would have earned: an estimate, or why there is none."""

import pytest
from helpers.simulated_logs import open_all, write_log
from helpers.small_bundles import vectors, write_bundle

from seqrec.evidence.worth import worth_of
from seqrec.feedback import read_log
from seqrec.policy.plackett_luce import PlackettLuce


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    place = tmp_path_factory.mktemp("worth")
    write_bundle(place / "bundle", vectors(60))
    return open_all(place / "bundle")[0]


def test_the_bundle_that_drew_the_log_earns_what_it_earned(bundle, tmp_path):
    policy = PlackettLuce(candidates=20, temperature=5.0, floor=0.1)
    write_log(tmp_path / "log", lambda _: bundle, sessions=1_500, policy=policy)
    worth = worth_of(bundle, read_log(tmp_path / "log"), live=bundle.sha, event="click")
    assert worth.doubt is None and worth.production == pytest.approx(0.3, abs=0.04)
    found = worth.difference  # the salt is drawn anew: a true 95 % interval misses one time in 20
    assert abs(found.estimate) < found.upper - found.lower
    assert found.estimate == pytest.approx(0, abs=0.01)


def test_a_log_that_was_not_drawn_tells_nothing(bundle, tmp_path):
    write_log(tmp_path / "log", lambda _: bundle, sessions=20)
    worth = worth_of(bundle, read_log(tmp_path / "log"), live=bundle.sha, event="click")
    assert "draws nothing" in worth.doubt


def test_a_small_log_says_how_much_more_it_needs(bundle, tmp_path):
    policy = PlackettLuce(candidates=20, temperature=5.0, floor=0.1)
    write_log(tmp_path / "log", lambda _: bundle, sessions=100, policy=policy)
    worth = worth_of(bundle, read_log(tmp_path / "log"), live=bundle.sha, event="click")
    assert "more slates" in worth.doubt
