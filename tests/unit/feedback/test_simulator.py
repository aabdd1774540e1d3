"""Simulated users: what they do is what is said of them."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from seqrec.errors import ConfigError, DataError
from seqrec.feedback.simulator import Users
from seqrec.feedback.visits import Server, visit

ITEMS = [f"i{n}" for n in range(20)]


def test_tastes_depend_on_user_item_and_seed_alone():
    taste = Users().taste("ann", ITEMS)
    assert np.array_equal(Users().taste("ann", ITEMS[::-1])[::-1], taste)
    assert not np.array_equal(Users(seed=1).taste("ann", ITEMS), taste)
    assert ((taste > 0) & (taste < 1)).all()


def test_clicks_are_as_frequent_as_they_are_worth():
    users, rng = Users(), np.random.default_rng(0)
    clicks = [len(users.clicks("ann", ITEMS[:5], rng)) for _ in range(4000)]
    error = np.std(clicks) / len(clicks) ** 0.5
    assert abs(np.mean(clicks) - users.worth("ann", ITEMS[:5])) <= 4 * error


def test_without_spread_position_alone_decides():
    users = Users(spread=0, liking=0.2, patience=0.5)
    np.testing.assert_allclose(users.taste("ann", ITEMS), 0.2)
    np.testing.assert_allclose(users.look(3), [1, 0.5, 0.25])


class Answers(BaseHTTPRequestHandler):
    """A server that shows the same list, and keeps what it is told."""

    protocol_version, disable_nagle_algorithm = "HTTP/1.1", True
    told: list
    status = 200

    def do_GET(self):
        self.reply({"items": [{"item": item} for item in ITEMS]})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.told.append((self.path, body))
        self.reply({"request_id": str(len(self.told)), "items": [{"item": i} for i in ITEMS[:5]]})

    def reply(self, content):
        body = json.dumps(content).encode()
        self.send_response(self.status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture
def answers():
    handler = type("Mine", (Answers,), {"told": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield handler, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_users_ask_click_and_come_again(answers):
    handler, url = answers
    seen = visit(Server(url), Users(liking=0.5), count=3, visits=4, k=5, seed=0, name="s")
    asked = [body for path, body in handler.told if path == "/v1/recommend"]
    events = [
        each for path, body in handler.told if path == "/v1/events" for each in body["events"]
    ]
    assert (seen.slates, len(asked)) == (12, 12)
    assert len({each["event_id"] for each in events}) == len(events)
    shown = [each for each in events if "request_id" in each]
    assert len(shown) == seen.clicks > 0
    assert all(ITEMS[each["slot"]] == each["item"] for each in shown)


def test_a_server_that_refuses_is_quoted(answers):
    handler, url = answers
    handler.status = 503
    with pytest.raises(DataError, match="503"):
        Server(url).get("/v1/items?q=a")


@pytest.mark.parametrize("url", ["http://example.org", "http://10.0.0.1:80", "http://localhost.x"])
def test_made_up_clicks_stay_on_this_machine(url):
    with pytest.raises(ConfigError, match="another machine"):
        Server(url)
    Server(url, anywhere=True)  # nothing is sent


@pytest.mark.parametrize("url", ["", "ftp://localhost", "http://localhost:port", "https://["])
def test_what_is_no_address_is_refused(url):
    with pytest.raises(ConfigError, match="isn't the address"):
        Server(url)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "localhost:1", "http://[::1]:1"])
def test_a_server_that_isnt_there_is_told(url):
    with pytest.raises(DataError, match="doesn't answer"):
        Server(url).get("/v1/items?q=a")
