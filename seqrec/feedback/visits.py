"""Simulated users who visit a server: they ask, look, click, and come again."""

import http.client
import ipaddress
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import numpy as np

from seqrec.errors import ConfigError, DataError
from seqrec.feedback.simulator import Users
from seqrec.home import command

LETTERS = "aeioust"  # titles with these are what users know before they come
FIRST = 3  # items of a new session
SECONDS = 30.0


@dataclass
class Seen:
    """What users were shown, and did.

    Args:
        slates: lists with at least one item.
        empty: lists without.
        clicks: on items of the lists.
        worth: clicks that the lists get on average, summed: what estimates should find.
    """

    slates: int = 0
    empty: int = 0
    clicks: int = 0
    worth: float = 0.0


class Server:
    """A server of recommendations, asked over one connection.

    Args:
        url: such as ``http://127.0.0.1:8000``.
        key: for a server that asks for one.
        anywhere: it may be on another machine.

    Raises:
        ConfigError: the URL can't be read, or isn't of this machine.
    """

    def __init__(self, url: str, *, key: str | None = None, anywhere: bool = False) -> None:
        self.url, self._key = url, key
        try:
            parts = urlsplit(url if "//" in url else f"http://{url}")
            host, port = parts.hostname or "", parts.port
        except ValueError:
            host, port = "", None
        if not host or parts.scheme != "http":
            raise ConfigError(
                f"server={url} isn't the address of a server",
                todo="write server=http://127.0.0.1:8000",
            )
        if not anywhere and not _is_here(host):
            raise ConfigError(
                f"server={url} is another machine, and made-up clicks don't belong in its log",
                where="server",
                todo="if that is yours and for trying things out, add anywhere=true",
            )
        self._connection = http.client.HTTPConnection(host, port or 80, timeout=SECONDS)

    def close(self) -> None:
        """End the connection."""
        self._connection.close()

    def get(self, path: str) -> dict[str, Any]:
        """Ask for something.

        Raises:
            DataError: the server can't be reached, or refuses.
        """
        return self._asked("GET", path, None)

    def post(self, path: str, content: dict[str, Any]) -> dict[str, Any]:
        """Send something.

        Raises:
            DataError: the server can't be reached, or refuses.
        """
        return self._asked("POST", path, json.dumps(content).encode())

    def _asked(self, method: str, path: str, body: bytes | None) -> dict[str, Any]:
        headers = {"content-type": "application/json"} if body else {}
        if self._key:
            headers["authorization"] = f"Bearer {self._key}"
        try:
            self._connection.request(method, path, body, headers)
            answer = self._connection.getresponse()
            content = json.loads(answer.read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise DataError(
                f"the server doesn't answer: {error or type(error).__name__}",
                where=self.url,
                todo=f"start one: {command('serve', 'bundle=FOLDER', 'policy=plackett_luce')}",
            ) from error
        if answer.status != http.client.OK or not isinstance(content, dict):
            what = content.get("error", content) if isinstance(content, dict) else content
            raise DataError(
                f"the server refuses: {answer.status}, {json.dumps(what)[:300]}",
                where=f"{self.url}{path}",
            )
        return content


def visit(
    server: Server, users: Users, *, count: int, visits: int, k: int, seed: int, name: str
) -> Seen:
    """Let users come one after the other, each some times.

    A new user's session begins with items that it likes among those that it finds by title. What it
    clicks joins its session, so later lists depend on it.

    Args:
        server: the server.
        users: their tastes and habits.
        count: how many come.
        visits: how often each asks for a list.
        k: length of the lists.
        seed: of what they find and click.
        name: begin of their sessions' ids.

    Raises:
        DataError: the server can't be reached, or refuses.
    """
    rng, seen = np.random.default_rng(seed), Seen()
    known = _known(server)
    for number in range(count):
        session = f"{name}-{number}"
        found = rng.choice(known, size=min(len(known), 5 * FIRST), replace=False).tolist()
        liked = np.argsort(-users.taste(session, found))[:FIRST]
        _tell(server, session, "first", [(slot, found[slot]) for slot in liked.tolist()], None)
        for at in range(visits):
            answer = server.post("/v1/recommend", {"session": session, "k": k})
            items = [row["item"] for row in answer["items"]]
            if not items:
                seen.empty += 1
                continue
            clicked = [(slot, items[slot]) for slot in users.clicks(session, items, rng)]
            seen.slates += 1
            seen.clicks += len(clicked)
            seen.worth += users.worth(session, items)
            _tell(server, session, str(at), clicked, answer["request_id"])
    return seen


def _known(server: Server) -> list[str]:
    found: dict[str, None] = {}
    for letter in LETTERS:
        rows = server.get(f"/v1/items?q={quote(letter)}&k=50")["items"]
        found.update(dict.fromkeys(row["item"] for row in rows))
    if not found:
        raise DataError("the server's catalogue has no titles to search", where=server.url)
    return list(found)


def _tell(
    server: Server, session: str, at: str, clicked: list[tuple[int, str]], request: str | None
) -> None:
    """Send clicks, if there are any."""
    events = [
        {
            "event_id": f"{session}-{at}-{slot}",
            "session": session,
            "item": item,
            "event": "click",
            **({} if request is None else {"request_id": request, "slot": slot}),
        }
        for slot, item in clicked
    ]
    if events:
        server.post("/v1/events", {"events": events})


def _is_here(host: str) -> bool:
    """Return whether a host is this machine, by its name alone: nothing is looked up."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
