"""Requests asked again of two bundles, and what followed them."""

import numpy as np
import pytest
from helpers.feedback import outcome, slate
from helpers.small_bundles import vectors, write_bundle

from seqrec.bundle import Bundle
from seqrec.evidence.ask import ask, elsewhere, held_out, requests_of
from seqrec.feedback import Log, read_log

BEGUN = 1_790_000_000_000


@pytest.fixture(scope="module")
def bundles(tmp_path_factory):
    """A candidate that knows an item more than the live bundle."""
    place = tmp_path_factory.mktemp("ask")
    held = [(["i1", "i2"], 3), (["new"], 4), (["i5"], 9)]
    ids = [*[f"i{at}" for at in range(1, 9)], "new"]
    write_bundle(place / "candidate", vectors(9), ids=ids, held=held)
    write_bundle(place / "live", vectors(8, seed=1))
    return Bundle.open(place / "candidate"), Bundle.open(place / "live")


@pytest.fixture
def feedback(tmp_path):
    log = Log(tmp_path / "log")
    shown = {"items": ("i7", "i8"), "bundle": "b"}
    log.write(
        [
            slate("r1", session="s1", history=["i1", "i2"], time=BEGUN, **shown),
            slate("r2", session="s2", history=["new"], time=BEGUN + 1, **shown),
            slate("r3", session="s1", history=["i1", "?"], time=BEGUN + 5, **shown),
            outcome("e0", session="s1", item="i6", time=BEGUN - 9),
            outcome("e1", session="s1", item="i7", request_id="r1", time=BEGUN + 2),
            outcome("e2", session="s1", item="new", time=BEGUN + 9),
            outcome("e3", session="s1", item="i3", event="view", time=BEGUN + 7),
        ]
    )
    log.close()
    return read_log(tmp_path / "log")


def test_only_requests_that_both_can_answer_are_asked(bundles, feedback):
    assert requests_of(feedback, bundles, most=9)["request_id"].to_list() == ["r1", "r3"]
    assert len(requests_of(feedback, bundles, most=1)) == 1


def test_lists_are_those_of_the_bundles_and_targets_what_was_taken_next(bundles, feedback):
    requests = requests_of(feedback, bundles, most=9)
    asked = ask(*bundles, requests, feedback, k=5, event="click")
    for bundle, list_NK in zip(bundles, (asked.candidate_NK, asked.live_NK), strict=True):
        for row, history in zip(list_NK, requests["history"].to_list(), strict=True):
            expected = bundle.recommend(history, k=5).items["item"].to_list()
            assert [asked.ids[code] for code in row] == expected
    assert [asked.ids[code] for code in asked.target_N] == ["i7", "new"]
    assert asked.session_N[0] == asked.session_N[1] and asked.length_N.tolist() == [2, 2]
    taken = dict(zip(asked.ids, asked.taken_V.tolist(), strict=True))
    assert (taken["i7"], taken["new"], taken["i6"], taken["i3"]) == (1, 1, 1, 0)
    known = dict(zip(asked.ids, asked.known_V.tolist(), strict=True))
    assert known["i7"] and not known["new"]
    assert asked.pushed_by[asked.ids.index("i7")] == ["s1"]


def test_what_was_chosen_from_a_list_is_no_target_elsewhere(bundles, feedback):
    requests = requests_of(feedback, bundles, most=9)
    asked = ask(*bundles, requests, feedback, k=5, event="click")
    found = elsewhere(asked, requests, feedback, "click")
    assert [asked.ids[code] for code in found.target_N] == ["new", "new"]


def test_held_out_requests_are_asked_where_the_live_bundle_knows_their_items(bundles):
    held = held_out(*bundles, k=5)
    assert [held.ids[code] for code in held.target_N] == ["i3", "new"]
    expected = bundles[1].recommend(["i5"], k=5).items["item"].to_list()
    assert [held.ids[code] for code in held.live_NK[1]] == expected
    assert held_out(bundles[1], bundles[0], k=5) is None
    assert (held.candidate_NK >= 0).all() and held.length_N.tolist() == [2, 1]
    assert np.unique(held.session_N).size == 2
