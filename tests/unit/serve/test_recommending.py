"""Lists over HTTP: what a request asks for, and why a list is empty."""

import json

import numpy as np
import pytest
from helpers.serving import ask, made, recommend, small

from seqrec.bundle import Bundle
from seqrec.feedback import read_log


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    """A server of twelve items, i1 to i12."""
    return made(tmp_path_factory.mktemp("server"))


def wanted(app, items, **given):
    """The list that the bundle itself gives."""
    bundle = app.service.models.live.model.bundle
    return bundle.recommend(items, **given).items["item"].to_list()


@pytest.mark.parametrize(
    "body, same",
    [
        ({"items": ["i1", "i2"]}, {}),
        ({"items": ["i1"], "k": 3}, {"k": 3}),
        ({"items": ["i1"], "exclude_seen": False, "k": 12}, {"mask_seen": False, "k": 12}),
        ({"items": ["i1"], "allow": ["i3", "i1", "i5"]}, {"allow": ["i3", "i1", "i5"]}),
        ({"items": ["i1"], "deny": ["i3", "i4"], "k": 1000}, {"deny": ["i3", "i4"], "k": 1000}),
        ({"items": [" i1 ", "i2"]}, {}),
        ({"items": ["i1"] * 5000}, {}),
    ],
)
def test_the_list_is_that_of_the_bundle(app, body, same):
    assert recommend(app, body).items() == wanted(app, body["items"], **same)


def test_many_sessions_are_answered_in_order(app):
    sessions = [["i1"], ["i2", "i3"], ["nobody"], ["i4", "i4", "i5"]]
    answer = recommend(app, {"sessions": [{"items": each} for each in sessions], "k": 4}).json
    lists = [[row["item"] for row in each["items"]] for each in answer["answers"]]
    expected = [wanted(app, each, k=4) if each != ["nobody"] else [] for each in sessions]
    assert lists == expected
    assert len({each["request_id"] for each in answer["answers"]}) == 4


@pytest.mark.parametrize(
    "body, code",
    [
        ({"items": []}, "no_items"),
        ({"session": "nobody"}, "no_items"),
        ({"items": ["x", "y"]}, "unknown_items"),
        ({"items": ["i1"], "allow": []}, "not_allowed"),
        ({"items": ["i1"], "allow": ["x"]}, "not_allowed"),
        ({"items": ["i1"], "allow": ["i2"], "deny": ["i2"]}, "not_allowed"),
        ({"items": ["i1"], "categories": ["blue"]}, "not_allowed"),
        ({"items": ["i1"], "allow": ["i1"]}, "seen"),
        ({"items": [f"i{n}" for n in range(1, 13)]}, "seen"),
    ],
)
def test_an_empty_list_has_a_reason(app, body, code):
    answer = recommend(app, body)
    assert answer.items() == []
    assert answer.json["reason"]["code"] == code and answer.json["reason"]["text"]


def test_unknown_names_are_told(app):
    body = {"items": ["i1", "x", "x"], "allow": ["i2", "y"], "deny": ["z"], "categories": ["w"]}
    told = recommend(app, body).json["unknown"]
    assert told == {"items": ["x"], "allow": ["y"], "deny": ["z"], "categories": ["w"]}


def test_categories_are_of_the_catalogue(app):
    items = recommend(app, {"items": ["i1"], "categories": ["odd"]}).items()
    assert items and all(int(item[1:]) % 2 for item in items)


def test_reasons_are_what_scores_lose_without_an_event(app):
    items = ["i1", "i2", "i3"]
    answer = recommend(app, {"items": items, "explain": True, "k": 4}).json
    bundle = app.service.models.live.model.bundle
    whole, _ = bundle.encode([items])
    for row in answer["items"]:
        [at] = bundle.items.lookup([row["item"]])
        for event in row["because"]:
            left = items[: event["event"]] + items[event["event"] + 1 :]
            without, _ = bundle.encode([left])
            lost = (whole[0] - without[0]) @ bundle.vectors[at]
            assert event["item"] == items[event["event"]]
            assert event["weight"] == pytest.approx(lost, abs=1e-5)
    assert answer["explained"] == "leave_one_out"
    assert "without an audit" in answer["fidelity"]["why"]


def test_what_an_audit_found_is_said_beside_the_reasons(app):
    found = {"metric": "POS@5,Ke3", "value": 0.5, "users": 9, "random": 0.9, "recency": 0.6}
    app.service.models.live.model.bundle.manifest.content["fidelity"] = found
    answer = recommend(app, {"items": ["i1", "i2"], "explain": True}).json
    assert answer["fidelity"] == found
    assert "fidelity" not in recommend(app, {"items": ["i1", "i2"]}).json


def test_a_session_of_one_event_rests_on_it(app):
    [row] = recommend(app, {"items": ["i1"], "explain": True, "k": 1}).json["items"]
    assert [each["item"] for each in row["because"]] == ["i1"] and row["because"][0][
        "weight"
    ] is None


def test_stages_are_timed(app):
    ms = recommend(app, {"items": ["i1"]}).json["ms"]
    assert ms["total"] >= ms["encode"] + ms["search"] > 0
    assert set(ms) == {"parse", "state", "queue", "encode", "search", "log", "total"}


def test_similar_items_have_the_largest_cosine(app):
    [answer] = ask(app, ("POST", "/v1/similar", {"item": "i3", "k": 4, "deny": ["i1"]}))
    vectors = np.array(app.service.models.live.model.bundle.vectors)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True) + 1e-9
    cosine = vectors @ vectors[3]
    cosine[[0, 1, 3]] = -9
    assert answer.items() == [f"i{n}" for n in np.argsort(-cosine)[:4]]
    [unknown] = ask(app, ("POST", "/v1/similar", {"item": "x"}))
    assert unknown.status == 404 and "'x'" in unknown.json["error"]["what"]


def test_titles_are_found_in_any_case(app):
    answers = ask(app, ("GET", "/v1/items?q=TITLE+of+i1&k=9"), ("GET", "/v1/items?q=i12"))
    assert answers[0].items() == ["i1", "i10", "i11", "i12"]
    assert answers[1].items() == ["i12"]


def test_what_is_shown_is_logged_before_it_is_sent(tmp_path):
    app = made(tmp_path, policy="plackett_luce", policy_options={"candidates": "5"})
    answer = recommend(app, {"items": ["i1", "x"], "k": 3})
    [line] = [json.loads(each) for each in _lines(tmp_path)]
    assert line["kind"] == "slate" and line["request_id"] == answer.json["request_id"]
    assert line["items"] == answer.items() and line["history"] == ["i1"]
    assert set(line["items"]) <= set(line["candidates"]) and len(line["candidates"]) == 5
    assert line["bundle"] == answer.json["bundle"] and 0 < min(line["propensities"]) <= 1
    assert line["candidates"] == wanted(app, ["i1"], k=5)
    read_log(tmp_path / "log")


def test_the_canary_answers_its_share_of_the_sessions(tmp_path):
    from dataclasses import replace

    from seqrec.live import Served, read_live, write_live

    app = made(tmp_path)
    other = small(tmp_path / "other", n_items=20)
    served = Served(str(other), Bundle.open(other).sha)
    live = replace(read_live(tmp_path), canary=served, share=0.5)
    write_live(tmp_path, live)
    app.service.models.follow()
    for name in map(str, range(20)):
        answer = recommend(app, {"session": name}).json
        assert answer["bundle"] == live.of(name).sha
    sessions = [{"session": name} for name in map(str, range(20))]
    told = recommend(app, {"sessions": sessions}).json["answers"]
    assert [each["bundle"] for each in told] == [live.of(str(n)).sha for n in range(20)]


def _lines(folder):
    return b"".join(file.read_bytes() for file in (folder / "log").glob("*.jsonl")).splitlines()
