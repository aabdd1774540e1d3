"""What stands in for the model's list: which rung, told and logged as what it is."""

import json
import time

import numpy as np
import pytest
from helpers.serving import ask, made, recommend, small

from seqrec.bundle.model import ModelError
from seqrec.errors import DataError
from seqrec.feedback import attribute, read_log
from seqrec.offpolicy.sift import sift
from seqrec.state import StateError

EVENTS = [3, 0, 9, 1, 7, 2, 2, 5, 4, 0, 1, 8]  # of i1 to i12
OFTEN = ["i3", "i12", "i5", "i8", "i9"]


@pytest.fixture
def app(tmp_path):
    """A server whose bundle knows what is popular."""
    bundle = small(tmp_path / "bundle", events=EVENTS)
    return made(tmp_path, bundle, policy="plackett_luce", policy_options={"candidates": "5"})


def break_model(app, monkeypatch, error=None):
    def fails(works):
        raise error or ModelError("Non-zero status code", where="model.onnx")

    monkeypatch.setattr(app.service.models.live.model.queue, "answer", fails)


def nearest(app, items, k):
    """Items by the mean cosine with some items, by the formula."""
    vectors = np.array(app.service.models.live.model.bundle.vectors)
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    at = [int(item[1:]) for item in items]
    cosine = unit @ unit[at].mean(0)
    cosine[[0, *at]] = -9
    return [f"i{n}" for n in np.argsort(-cosine)[:k]]


def logged(folder):
    return read_log(folder / "log").slates.to_dicts()


def test_the_models_list_is_called_that(app):
    answer = recommend(app, {"items": ["i1"]}).json
    assert answer["source"] == "model" and "reason" not in answer


@pytest.mark.parametrize(
    "body, code",
    [
        ({"items": []}, "no_items"),
        ({"session": "nobody"}, "no_items"),
        ({"items": ["x", "y"]}, "unknown_items"),
    ],
)
def test_a_session_that_tells_nothing_gets_what_is_popular(app, tmp_path, body, code):
    answer = recommend(app, body | {"k": 5})
    assert answer.items() == OFTEN and answer.json["source"] == "popular"
    assert answer.json["reason"]["code"] == code
    assert [row["score"] for row in answer.json["items"]] == [9, 8, 7, 5, 4]
    [slate] = logged(tmp_path)
    told = {"name": "fallback", "source": "popular", "reason": code}
    assert json.loads(slate["policy"]) == told and slate["items"] == OFTEN
    assert slate["propensities"] == [1.0] * 5 and slate["candidates"] == []
    counted = f'seqrec_fallback_total{{reason="{code}",source="popular",worker="0"}} 1.0'
    assert counted in app.metrics.text().decode()


def test_what_stands_in_keeps_to_filters_and_to_what_the_request_allows(app):
    ask(app, ("PUT", "/v1/filters", {"deny": ["i3"], "out_of_stock": ["i12"]}))
    body = {"items": [], "k": 3, "deny": ["i8"], "categories": ["odd"]}
    assert recommend(app, body).items() == ["i5", "i9", "i1"]
    assert recommend(app, {"items": [], "allow": ["i2"]}).items() == ["i2"]
    assert recommend(app, {"items": [], "allow": []}).json["reason"]["code"] == "not_allowed"


def test_a_model_that_fails_is_replaced_by_what_is_like_the_last_items(
    app, tmp_path, monkeypatch, capsys
):
    break_model(app, monkeypatch)
    items = ["i9", "i1", "x", "i2", "i4"]
    answer = recommend(app, {"items": items, "k": 4, "deny": ["i7"], "explain": True})
    expected = [i for i in nearest(app, ["i1", "i2", "i4"], 9) if i not in ("i9", "i7")][:4]
    assert answer.items() == expected and answer.json["source"] == "similar"
    assert answer.json["reason"]["code"] == "failed" and "because" not in answer.json["items"][0]
    assert logged(tmp_path)[0]["history"] == ["i9", "i1", "i2", "i4"]
    [ready] = ask(app, ("GET", "/health/ready"))
    assert "Non-zero status code" in ready.json["trouble"]["model"]
    recommend(app, {"items": items})
    assert capsys.readouterr().err.count("Non-zero status code") == 1
    monkeypatch.undo()
    assert recommend(app, {"items": items}).json["source"] == "model"
    assert ask(app, ("GET", "/health/ready"))[0].json["trouble"] == {}


def test_with_nothing_alike_left_the_popular_ones_are_next(app, monkeypatch):
    break_model(app, monkeypatch)
    vectors = app.service.models.live.model
    monkeypatch.setattr(vectors, "similar", lambda *given: app_found([]))
    answer = recommend(app, {"items": ["i3"], "k": 2})
    assert answer.json["source"] == "popular" and answer.items() == ["i12", "i5"]
    answer = recommend(app, {"items": ["i3"], "k": 2, "exclude_seen": False})
    assert answer.items() == ["i3", "i12"]


def app_found(items):
    from seqrec.index import Found

    return Found(np.array(items, np.int64), np.zeros(len(items), np.float32))


def test_a_query_that_isnt_finite_is_a_failure(app, monkeypatch):
    model = app.service.models.live.model
    real = model.bundle.run

    def spoiled(batch):
        query_BD, attention_BL = real(batch)
        return query_BD * np.nan, attention_BL

    monkeypatch.setattr(model.bundle, "run", spoiled)
    answer = recommend(app, {"items": ["i1"]})
    assert answer.json["reason"]["code"] == "failed" and answer.json["source"] == "similar"


def test_a_request_whose_time_is_up_gets_the_next_rung(app, tmp_path):
    from seqrec.serve.queue import Queue

    model = app.service.models.live.model

    def slow(works):
        time.sleep(0.2)
        return model.answer(works)

    model.queue.close()
    model.queue = Queue(slow, most=8, length=8, apart=True)
    begun = time.monotonic()
    answer = recommend(app, {"items": ["i1"], "timeout_ms": 20})
    assert time.monotonic() - begun < 0.2 and answer.json["source"] == "similar"
    assert answer.json["reason"]["code"] == "late"
    assert json.loads(logged(tmp_path)[0]["policy"])["reason"] == "late"
    model.alone_ms = 1000.0  # too large a table to look at in no time
    answer = recommend(app, {"items": ["i1"], "timeout_ms": 20})
    assert answer.json["source"] == "popular"


def test_sessions_that_cant_be_read_get_what_is_popular(app, monkeypatch):
    def fail(*given):
        raise StateError("the sessions' file: disk I/O error", where="x")

    monkeypatch.setattr(app.service.sessions.state, "read", fail)
    answer = recommend(app, {"session": "anna", "k": 5})
    assert answer.items() == OFTEN and answer.json["reason"]["code"] == "no_state"
    assert recommend(app, {"items": ["i1"]}).json["source"] == "model"


def test_without_a_rung_left_the_failure_is_told(tmp_path, monkeypatch):
    app = made(tmp_path)  # a bundle that doesn't tell what is popular

    def fail(*given):
        raise StateError("the sessions' file: disk I/O error", where="x")

    monkeypatch.setattr(app.service.sessions.state, "read", fail)
    assert recommend(app, {"session": "anna"}).status == 503
    break_model(app, monkeypatch)
    monkeypatch.setattr(app.service.models.live.model, "similar", lambda *given: app_found([]))
    answer = recommend(app, {"items": ["i1"]})
    assert answer.status == 503 and "Non-zero status" in answer.json["error"]["what"]


def test_of_many_sessions_each_has_its_own_source(app):
    body = {"sessions": [{"items": ["i1"]}, {"items": []}, {"items": ["nobody"]}]}
    answers = recommend(app, body).json["answers"]
    assert [each["source"] for each in answers] == ["model", "popular", "popular"]


def test_nothing_is_estimated_from_what_stands_in(app, tmp_path, monkeypatch):
    recommend(app, {"items": ["i1"]})
    recommend(app, {"items": []})
    break_model(app, monkeypatch)
    recommend(app, {"items": ["i2"]})
    slates = attribute(read_log(tmp_path / "log"))[0]
    found = sift(slates)
    assert len(found.slates) == 1 and found.left_out["fallback"] == 2
    with pytest.raises(DataError, match="2 shown in place of a list"):
        sift(slates[1:])
