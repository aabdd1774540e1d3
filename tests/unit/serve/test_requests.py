"""Requests that are wrong, too large, too slow or too many: each is answered, none by a 500."""

import asyncio

import pytest
from helpers.serving import ask, call, made, recommend, running
from hypothesis import given, settings
from hypothesis import strategies as st

from seqrec.serve.handler import Handler
from seqrec.serve.limits import Limits
from seqrec.serve.openapi import PATHS, described


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    """A server that takes a little."""
    limits = Limits(body=100_000, body_s=0.05)
    return made(tmp_path_factory.mktemp("server"), limits=limits)


WRONG = {
    b'{"itms": ["i1"]}': "itms: unknown, did you mean items?",
    b'{"items": [1.5]}': "got float",
    b'{"items": [true]}': "got bool",
    b'{"items": {"a": 1}}': "got object",
    b'{"items": ["i1"], "k": 0}': ">= 1",
    b'{"items": ["i1"], "k": -1}': ">= 1",
    b'{"items": ["i1"], "k": 1000000000}': "<= 1000",
    b'{"items": ["i1"], "k": "10"}': "got str",
    b'{"items": ["i1"], "session": "a"}': "either items or session",
    b"{}": "either items or session",
    b'{"sessions": []}': "length >= 1",
    b'{"sessions": [{"itms": []}]}': "did you mean items?",
    b'{"sessions": [{"items": ["i1"]}], "items": ["i1"]}': "belong to each of the sessions",
    b'{"sessions": [{"items": ["i1"]}], "explain": true}': "one session is explained at a time",
    b'{"items": ["i1"], "at": "yesterday"}': "isn't an ISO date or time",
    b'{"items": ["i1"], "at": 99999999999999999999}': "isn't a time",
    b'{"items": ["i1"], "context": {"rating": [5]}}': "doesn't read rating",
    b'{"session": "a", "context": {"rating": [5]}}': "in its events",
    b'{"items": ["i1"], "context": {"rating": [1e300]}}': "too large",
    b'{"items": ["\\ud800"]}': "isn't JSON",
    b'{"items": ["i1"]': "isn't JSON",
    b"\xff\xfe": "isn't JSON",
    b"": "isn't JSON",
    b"[" * 50_000: "got array",
    b'{"items": [' + b"9" * 5000 + b"]}": "",
    b"null": "got null",
}


@pytest.mark.parametrize("body", WRONG, ids=lambda body: body[:50].decode("latin-1"))
def test_what_is_wrong_with_a_request_is_said(app, body):
    answer = recommend(app, body)
    assert answer.status == 400
    assert WRONG[body] in answer.json["error"]["what"]


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("i1"),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=6,
)
FIELDS = ("items", "session", "context", "at", "sessions", "k", "allow", "deny", "categories",
          "in_stock", "exclude_seen", "explain", "timeout_ms")  # fmt: skip


@settings(max_examples=120, deadline=None)
@given(st.dictionaries(st.sampled_from(FIELDS), JSONS, max_size=4), st.booleans())
def test_no_request_is_a_mistake_of_the_server(app, body, with_items):
    answer = recommend(app, body | ({"items": ["i1", "i2"]} if with_items else {}))
    assert answer.status in (200, 400)


@pytest.mark.parametrize("item", ["\x00", "i1\x00", "🦊" * 100, "a" * 512, "<b>", 7, -1, 10**30])
def test_odd_ids_are_unknown_items(app, item):
    answer = recommend(app, {"items": ["i1", item]})
    assert answer.json["unknown"] == {"items": [str(item)]} and answer.items()


def test_ten_thousand_items_are_answered_and_more_are_refused(app):
    assert recommend(app, {"items": ["i1", "x"] * 5000}).items()
    assert recommend(app, {"items": ["i1"] * 10_001}).status == 400


def test_a_body_that_is_too_large_is_refused_before_it_is_read(app):
    large = {"content-length": str(10 << 20)}
    assert recommend(app, b"{", headers=large).status == 413
    assert recommend(app, b"{", headers={"content-length": "9" * 30}).status == 413
    parts = asyncio.run(call(app, "POST", "/v1/recommend", chunks=[b" " * 60_000] * 3))
    assert parts.status == 413 and parts.headers["connection"] == "close"


def test_half_a_body_is_given_up(app):
    async def slow():
        receive = asyncio.Queue()
        receive.put_nowait({"type": "http.request", "body": b'{"items"', "more_body": True})
        sent = []

        async def send(message):
            sent.append(message)

        scope = {"type": "http", "method": "POST", "path": "/v1/recommend", "query_string": b"",
                 "headers": [(b"content-type", b"application/json")], "root_path": ""}  # fmt: skip
        await app.asgi(scope, receive.get, send)
        return sent[0]["status"]

    assert asyncio.run(slow()) == 408


def test_a_client_that_goes_away_gets_no_answer(app):
    assert asyncio.run(call(app, "POST", "/v1/recommend", chunks=[b"{", None])) is None


def test_only_json_is_read(app):
    answer = recommend(app, b"{}", headers={"content-type": "text/plain"})
    assert answer.status == 415


def test_unknown_paths_and_methods_are_refused_in_json(app):
    answers = ask(app, ("GET", "/v2/x"), ("GET", "/v1/recommend"), ("POST", "/", {}))
    assert [answer.status for answer in answers] == [404, 405, 405]
    assert all(answer.json["error"]["what"] for answer in answers)


@pytest.mark.parametrize(
    "query", ["", "?q=", "?q=a&k=0", "?q=a&k=x", "?q=" + "a" * 600, "?q=%ff&k=99999"]
)
def test_a_search_that_is_wrong_is_refused(app, query):
    [answer] = ask(app, ("GET", f"/v1/items{query}"))
    assert answer.status == 400


def test_a_mistake_of_the_server_is_told_and_logged(app, capsys, monkeypatch):
    monkeypatch.setattr(app.service.models.live.model.queue, "answer", lambda works: 1 / 0)
    answer = recommend(app, {"items": ["i1"]})
    assert answer.status == 500 and "ZeroDivisionError" in capsys.readouterr().err
    monkeypatch.undo()
    assert recommend(app, {"items": ["i1"]}).items()


KEY, ADMIN = "k" * 20, "a" * 20


def test_keys_let_in(tmp_path):
    app = made(tmp_path, limits=Limits(keys=(KEY,), admin_keys=(ADMIN,)))

    def status(method, path, body=None, key=None):
        headers = {} if key is None else {"authorization": f"Bearer {key}"}
        return asyncio.run(call(app, method, path, body, headers=headers)).status

    body = {"items": ["i1"]}
    asked = [status("POST", "/v1/recommend", body, key) for key in (None, "x", KEY, ADMIN)]
    assert asked == [401, 401, 200, 200]
    assert [status("PUT", "/v1/filters", {}, key) for key in (None, KEY, ADMIN)] == [401, 401, 200]
    assert [status("GET", p) for p in ("/health/live", "/health/ready", "/metrics")] == [200] * 3


def test_without_an_admin_key_only_this_machine_changes_lists(app):
    async def put(client):
        return (await call(app, "PUT", "/v1/filters", {}, client=client)).status

    assert [asyncio.run(put(c)) for c in ("127.0.0.1", "::1", "10.0.0.7")] == [200, 200, 403]


def test_a_client_that_asks_too_often_is_told_when_to_come_back(tmp_path):
    app = made(tmp_path, limits=Limits(rate=2.0))

    async def many():
        one = [await call(app, "POST", "/v1/recommend", {"items": ["i1"]}) for _ in range(6)]
        return one, await call(app, "POST", "/v1/recommend", {"items": ["i1"]}, client="10.0.0.9")

    answers, other = asyncio.run(many())
    assert [each.status for each in answers] == [200] * 4 + [429] * 2
    assert int(answers[-1].headers["retry-after"]) >= 1 and other.status == 200


def test_more_requests_than_fit_are_refused_and_none_is_lost(tmp_path):
    app = made(tmp_path, waiting=20)

    async def burst():
        body = {"items": ["i1"]}
        sent = [call(app, "POST", "/v1/recommend", body) for _ in range(60)]
        return await asyncio.gather(*sent)

    answers = asyncio.run(burst())
    statuses = [answer.status for answer in answers]
    assert set(statuses) == {200, 503} and statuses.count(200) == 20
    assert all(a.headers["retry-after"] == "1" for a in answers if a.status == 503)
    assert recommend(app, {"items": ["i1"]}).status == 200


def test_requests_that_come_together_are_answered_together_and_alike(tmp_path):
    app = made(tmp_path)
    bodies = [{"items": [f"i{n}", "i2"][: 1 + n % 2], "k": 1 + n % 5} for n in range(1, 13)]
    alone = [recommend(app, body).items() for body in bodies]

    async def together():
        return await asyncio.gather(*(call(app, "POST", "/v1/recommend", b) for b in bodies))

    assert [answer.items() for answer in asyncio.run(together())] == alone
    counted = app.metrics.text().decode()
    assert 'seqrec_batch_requests_bucket{le="8.0",worker="0"} 12.0' in counted  # one by one
    assert 'seqrec_batch_requests_bucket{le="16.0",worker="0"} 24.0' in counted


def test_a_request_that_waited_too_long_is_refused(tmp_path):
    app = made(tmp_path)
    queue = app.service.models.live.model.queue

    async def late():
        work = None
        return await queue.ask(work, until=asyncio.get_running_loop().time() - 1)

    with pytest.raises(Exception, match="timeout_ms"):
        asyncio.run(late())


def test_the_description_is_of_the_paths_that_there_are(app):
    routes = {
        (method.lower(), route.path.replace(":path", ""))
        for route in app.starlette.routes
        for method in route.methods - {"HEAD"}
        if isinstance(route.app, Handler)
    }
    assert {(m, p) for m, p in PATHS} == routes - {("get", "/"), ("get", "/openapi.json")}
    assert described()["components"]["schemas"]["Recommend"]["additionalProperties"] is False


def test_readiness_says_what_answers(app):
    async def look():
        async with running(app) as send:
            return await send("GET", "/health/ready"), await send("GET", "/health/live")

    ready, live = asyncio.run(look())
    assert ready.json["ready"] and ready.json["items"] == 12 and ready.json["trouble"] == {}
    assert live.status == 200
