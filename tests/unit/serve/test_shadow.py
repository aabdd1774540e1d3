"""The shadow: asked beside, logged as that, and never in anybody's way."""

import threading
import time
from dataclasses import replace

import pytest
from helpers.serving import ask, made, recommend, small

from seqrec.bundle import Bundle
from seqrec.feedback import attribute, compact, read_log
from seqrec.live import Served, read_live, write_live
from seqrec.serve import shadow as room


@pytest.fixture
def app(tmp_path):
    """A server whose shadow, of twenty items, is asked every request."""
    made_app = made(tmp_path)
    follow(made_app, tmp_path, small(tmp_path / "other", n_items=20))
    yield made_app
    made_app.service.lists.shadow.close()


def follow(app, folder, bundle, share=1.0):
    served = Served(str(bundle), Bundle.open(bundle).sha)
    write_live(folder, replace(read_live(folder), shadow=served, shadow_share=share))
    app.service.models.follow()


def lines(app, folder, count):
    """The shadow's lines, when there are so many."""
    until = time.monotonic() + 10
    while len(found := read_log(folder / "log").shadows) < count:
        assert time.monotonic() < until
        time.sleep(0.005)
    return found


def test_its_lists_are_logged_beside_and_never_as_shown(app, tmp_path):
    answer = recommend(app, {"items": ["i1", "i2"], "k": 4, "deny": ["i3"]})
    [line] = lines(app, tmp_path, 1).to_dicts()
    other = Bundle.open(tmp_path / "other")
    wanted = other.recommend(["i1", "i2"], k=4, deny=["i3"]).items
    assert line["items"] == wanted["item"].to_list()
    assert line["scores"] == pytest.approx(wanted["score"].to_list())
    assert line["request_id"] == answer.json["request_id"] and line["bundle"] == other.sha
    assert line["ms"] > 0 and line["shown_ms"] > 0 and line["failed"] is None
    found = read_log(tmp_path / "log")
    assert found.slates["bundle"].to_list() == [answer.json["bundle"]]
    assert attribute(found)[0]["items"].to_list() == [answer.items()]
    assert answer.json["bundle"] != other.sha
    assert 'seqrec_shadow_total{outcome="answered",worker="0"} 1.0' in app.metrics.text().decode()


def test_a_kept_session_is_asked_and_forgotten(app, tmp_path):
    event = {"event_id": "e", "session": "s", "item": "i5"}
    ask(
        app,
        ("POST", "/v1/events", {"events": [event]}),
        ("POST", "/v1/recommend", {"session": "s"}),
    )
    [line] = lines(app, tmp_path, 1).to_dicts()
    assert (
        line["items"] == Bundle.open(tmp_path / "other").recommend(["i5"]).items["item"].to_list()
    )
    time.sleep(0.002)
    ask(app, ("DELETE", "/v1/sessions/s"))
    assert not len(read_log(tmp_path / "log").shadows)


def test_it_is_asked_its_share_and_nothing_that_the_model_didnt_answer(app, tmp_path):
    follow(app, tmp_path, tmp_path / "other", share=0.3)
    for _ in range(100):
        recommend(app, {"items": ["i1"]})
        recommend(app, {"items": []})
    beside = app.service.models.beside
    slates = read_log(tmp_path / "log").slates.filter(history=["i1"])
    expected = [each for each in slates["request_id"] if beside(each)]
    assert 10 < len(expected) < 60
    assert lines(app, tmp_path, len(expected))["request_id"].to_list() == expected


def test_a_busy_shadow_drops_what_comes_and_holds_up_nobody(app, tmp_path, monkeypatch):
    model, free = app.service.models.shadow.model, threading.Event()
    real = model.answer

    def stuck(works):
        free.wait(10)
        return real(works)

    monkeypatch.setattr(model, "answer", stuck)
    monkeypatch.setattr(room, "WAITING", 3)
    assert all(recommend(app, {"items": ["i1"]}).items() for _ in range(10))
    free.set()
    assert len(lines(app, tmp_path, 3)) == 3
    assert 'seqrec_shadow_total{outcome="dropped",worker="0"} 7.0' in app.metrics.text().decode()


def test_what_a_shadow_fails_at_is_a_line_of_its_own(app, tmp_path, monkeypatch):
    monkeypatch.setattr(app.service.models.shadow.model, "answer", lambda works: 1 / 0)
    assert recommend(app, {"items": ["i1"]}).items()
    [line] = lines(app, tmp_path, 1).to_dicts()
    assert line["failed"] == "division by zero" and line["items"] == []


def test_a_session_that_it_knows_nothing_of_is_no_failure(app, tmp_path):
    follow(app, tmp_path, small(tmp_path / "strange", ids=[f"x{n}" for n in range(12)]))
    recommend(app, {"items": ["i1"]})
    [line] = lines(app, tmp_path, 1).to_dicts()
    assert line["failed"] is None and line["items"] == []


def test_its_lines_outlive_compaction(app, tmp_path, monkeypatch):
    monkeypatch.setattr("seqrec.feedback.write.now", lambda: 3_600_000)
    recommend(app, {"items": ["i1"]})
    before = lines(app, tmp_path, 1)
    app.service.logged.log.close()
    assert compact(tmp_path / "log")["parts"] == 1
    assert read_log(tmp_path / "log").shadows.equals(before)
