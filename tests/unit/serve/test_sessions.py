"""Events, sessions and filters over HTTP: read your writes, once each, and forgotten on demand."""

import asyncio
import errno
import os
import time
from dataclasses import replace

import pytest
from helpers.serving import ask, made, recommend, small

from seqrec.bundle import Bundle
from seqrec.commands.promote import Arguments, promote_bundle
from seqrec.config.cli.script import parse
from seqrec.disk.chain import append
from seqrec.disk.write import write_file
from seqrec.errors import RunError
from seqrec.feedback import read_log
from seqrec.live import Served, read_live, write_live
from seqrec.live.record import history
from seqrec.serve.filters import LOOK_S
from seqrec.state import StateError


def event(number, item="i1", session="s", **more):
    return {"event_id": f"e{number}", "session": session, "item": item, **more}


READY, ONE = ("GET", "/health/ready"), ("POST", "/v1/recommend", {"items": ["i1"]})


def post(*events):
    return ("POST", "/v1/events", {"events": list(events)})


@pytest.fixture(params=["memory", "sqlite"])
def app(request, tmp_path):
    """A server with each of two states."""
    options = {"path": str(tmp_path / "s.sqlite")} if request.param == "sqlite" else {}
    yield (made_app := made(tmp_path, state=request.param, state_options=options))
    made_app.service.sessions.close()


def test_the_next_request_of_a_session_knows_its_events(app):
    answers = ask(
        app,
        post(event(1, "i1"), event(2, "i2")),
        ("POST", "/v1/recommend", {"session": "s"}),
        post(event(3, "i5")),
        ("POST", "/v1/recommend", {"session": "s"}),
    )
    assert answers[0].json == {"accepted": 2, "duplicates": []}
    assert answers[1].items() == recommend(app, {"items": ["i1", "i2"]}).items()
    assert answers[3].items() == recommend(app, {"items": ["i1", "i2", "i5"]}).items()


def test_an_event_counts_once(app):
    answers = ask(
        app, post(event(1), event(2, "i2")), post(event(2, "i3"), event(3, "i4"), event(3))
    )
    assert answers[1].json == {"accepted": 1, "duplicates": ["e2", "e3"]}
    kept = app.service.sessions.state.read("s")
    assert [each.item for each in kept] == ["i1", "i2", "i4"]


def test_what_was_only_shown_is_no_part_of_the_session(app):
    ask(app, post(event(1), event(2, "i2", event="impression"), event(3, "i3", event="dismiss")))
    assert [each.item for each in app.service.sessions.state.read("s")] == ["i1"]


def test_unknown_items_are_kept_and_told(app):
    [answer] = ask(app, post(event(1, "new")))
    assert answer.json == {"accepted": 1, "duplicates": [], "unknown": {"items": ["new"]}}
    assert recommend(app, {"session": "s"}).json["reason"]["code"] == "unknown_items"


def test_a_forgotten_session_is_gone_from_state_and_log(app, tmp_path):
    answers = ask(
        app,
        post(event(1), event(2, session="other")),
        ("POST", "/v1/recommend", {"session": "s"}),
        ("DELETE", "/v1/sessions/s"),
        ("DELETE", "/v1/sessions/s"),
    )
    assert [answers[2].json, answers[3].json] == [{"forgotten": True}, {"forgotten": False}]
    time.sleep(0.002)  # what is logged in the millisecond of an order is forgotten, too
    [later] = ask(app, ("POST", "/v1/recommend", {"session": "s"}))
    assert later.json["reason"]["code"] == "no_items"
    left = read_log(tmp_path / "log")
    assert left.outcomes["event_id"].to_list() == ["e2"]
    assert left.slates["request_id"].to_list() == [later.json["request_id"]]


@pytest.mark.parametrize(
    "bad",
    [
        {"event_id": ""},
        {"item": None},
        {"slot": -1},
        {"value": "much"},
        {"evnt": "click"},
        {"time": "soon"},
        {"time": 10**30},
        {"context": {"a": 1e308}},
    ],
)
def test_events_that_are_wrong_are_refused_whole(app, bad):
    [answer] = ask(app, post(event(1), event(2) | bad))
    assert answer.status == 400 and app.service.sessions.state.read("s") == []


def test_a_state_that_fails_is_told_and_the_server_goes_on(app, monkeypatch):
    def fail(*given):
        raise StateError("the sessions' file: disk I/O error", where="x")

    monkeypatch.setattr(app.service.sessions.state, "append", fail)
    monkeypatch.setattr(app.service.sessions.state, "check", fail)
    answers = ask(app, post(event(1)), READY, ONE)
    assert answers[0].status == 503 and "retry-after" in answers[0].headers
    assert "disk I/O error" in answers[1].json["trouble"]["sessions"]
    assert answers[2].items()
    monkeypatch.undo()
    assert ask(app, READY)[0].json["trouble"] == {}


def test_a_full_disk_stops_the_log_and_not_the_lists(app, monkeypatch):
    def full(*given):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("seqrec.feedback.write.os.write", full)
    answers = ask(app, ONE, post(event(1)), READY)
    assert answers[0].items()
    assert answers[1].status == 503 and app.service.sessions.state.read("s") == []
    assert "the disk is full" in answers[2].json["trouble"]["log"]
    monkeypatch.undo()
    answers = ask(app, post(event(1)), READY)
    assert answers[0].json["accepted"] == 1 and answers[1].json["trouble"] == {}


def put(**given):
    return ("PUT", "/v1/filters", given)


def test_filters_hold_for_the_next_request(app):
    listed = recommend(app, {"items": ["i1"], "k": 12}).items()
    answers = ask(
        app,
        put(deny=[listed[0]], out_of_stock=[listed[1]]),
        ("POST", "/v1/recommend", {"items": ["i1"], "k": 12}),
        ("POST", "/v1/recommend", {"items": ["i1"], "k": 12, "in_stock": False}),
        put(allow=["i2", "x"]),
        ("POST", "/v1/recommend", {"items": ["i1"], "k": 12}),
        put(out_of_stock=[f"i{n}" for n in range(1, 13)]),
        ("POST", "/v1/recommend", {"items": ["i1"]}),
        put(allow=[]),
        ("POST", "/v1/recommend", {"items": ["i1"]}),
        ("GET", "/v1/filters"),
    )
    assert answers[1].items() == listed[2:] and answers[1].json["filters"] == "1.0"
    assert answers[2].items() == listed[1:]
    assert answers[3].json == {"version": 2, "unknown": {"allow": ["x"]}}
    assert answers[4].items() == ["i2"]
    assert answers[6].json["reason"]["code"] == "out_of_stock"
    assert answers[8].json["reason"]["code"] == "filtered"
    assert answers[9].json == {"version": 4, "allow": [], "deny": [], "out_of_stock": []}


def test_what_a_review_denies_is_not_shown(app, tmp_path):
    [first, *rest] = recommend(app, {"items": ["i1"], "k": 12}).items()
    time.sleep(LOOK_S)
    write_file(tmp_path / "log/review/filters.json", f'{{"version": 3, "deny": ["{first}"]}}')
    answer = recommend(app, {"items": ["i1"], "k": 12})
    assert answer.items() == rest and answer.json["filters"] == "0.3"


def test_damaged_filters_leave_those_of_before(app, tmp_path):
    ask(app, put(deny=["i3"]))
    (tmp_path / "filters.json").write_text("{")
    time.sleep(LOOK_S)
    assert "i3" not in recommend(app, {"items": ["i1"], "k": 12}).items()
    assert "filters" in ask(app, READY)[0].json["trouble"]


def test_bundles_are_swapped_and_swapped_back(app, tmp_path):
    other = small(tmp_path / "other", n_items=20)
    before = recommend(app, {"items": ["i1"]}).json["bundle"]
    answers = ask(
        app,
        ("POST", "/admin/rollback"),
        ("POST", "/admin/load", {"bundle": str(other)}),
        ("POST", "/v1/recommend", {"items": ["i20"]}),
        ("POST", "/admin/rollback"),
        ("POST", "/v1/recommend", {"items": ["i20"]}),
    )
    assert answers[0].status == 409
    assert answers[1].json["before"] == before != answers[1].json["bundle"]
    assert answers[2].items() and answers[2].json["bundle"] == answers[1].json["bundle"]
    assert (
        answers[4].json["bundle"] == before and answers[4].json["reason"]["code"] == "unknown_items"
    )


def test_a_swap_is_in_the_history_and_the_command_takes_it_back(app, tmp_path):
    other, back = small(tmp_path / "other", n_items=20), ["rollback=true", "reason=slow"]
    before = recommend(app, {"items": ["i1"]}).json["bundle"]
    ask(app, ("POST", "/admin/load", {"bundle": str(other)}))
    assert promote_bundle(parse(Arguments, [f"live={tmp_path}", *back])) == 0
    app.service.models.follow()
    assert recommend(app, {"items": ["i1"]}).json["bundle"] == before
    found = history(tmp_path)
    assert [entry["action"] for entry in found] == ["loaded", "loaded", "rolled back"]
    assert found[0]["why"].startswith("the server was started with bundle=")
    assert found[1]["why"] == "/admin/load" and found[1]["candidate"]["bundle"] == "other"
    with pytest.raises(RunError, match="no bundle that was live before"):
        promote_bundle(parse(Arguments, [f"live={tmp_path}", *back]))
    assert ask(app, ("POST", "/admin/rollback"))[0].status == 409


def test_a_rollback_over_http_takes_a_canary_back_first(app, tmp_path):
    other = small(tmp_path / "other", n_items=20)
    served = Served(str(other), Bundle.open(other).sha)
    write_live(tmp_path, replace(read_live(tmp_path), canary=served, share=0.5, version=2))
    app.service.models.follow()
    assert ask(app, ("POST", "/admin/rollback"))[0].status == 200
    assert read_live(tmp_path).canary is None and app.service.models.canary is None


def test_a_swap_that_was_killed_between_history_and_pointer_is_done_by_the_next(
    app, tmp_path, monkeypatch
):
    other = small(tmp_path / "other", n_items=20)
    with monkeypatch.context() as during:
        during.setattr("seqrec.live.record.append", lambda *given: append(*given) and 1 / 0)
        assert ask(app, ("POST", "/admin/load", {"bundle": str(other)}))[0].status == 500
    assert read_live(tmp_path).version == 1
    assert ask(app, ("POST", "/admin/rollback"))[0].status == 200
    assert [entry["action"] for entry in history(tmp_path)] == ["loaded", "loaded", "rolled back"]
    assert read_live(tmp_path).version == 3


def test_a_damaged_bundle_is_refused_and_the_one_of_before_goes_on(app, tmp_path):
    other = small(tmp_path / "other", n_items=20)
    table = other / "items.npy"
    content = bytearray(table.read_bytes())
    content[-5] ^= 1
    table.write_bytes(content)
    [answer] = ask(app, ("POST", "/admin/load", {"bundle": str(other)}))
    assert answer.status == 409 and "items.npy" in answer.json["error"]["what"]
    assert recommend(app, {"items": ["i1"]}).items()


def test_requests_go_on_while_bundles_are_swapped(app, tmp_path):
    from helpers.serving import call, running

    other = small(tmp_path / "other", n_items=20)

    async def swap():
        async with running(app) as send:
            asked = [
                asyncio.create_task(call(app, "POST", "/v1/recommend", {"items": ["i1"]}))
                for _ in range(200)
            ]
            loaded = await send("POST", "/admin/load", {"bundle": str(other)})
            back = await send("POST", "/admin/rollback")
            return await asyncio.gather(*asked), loaded, back

    answers, loaded, back = asyncio.run(swap())
    assert {answer.status for answer in answers} == {200}
    assert loaded.status == back.status == 200
