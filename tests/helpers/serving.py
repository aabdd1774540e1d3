"""A server in the tests' process: its application is called as an HTTP server calls it."""

import asyncio
import json
from contextlib import asynccontextmanager
from pathlib import Path

from helpers.small_bundles import vectors, write_bundle
from seqrec.serve.app import App
from seqrec.serve.build import Settings, app_of, chosen
from seqrec.serve.limits import Limits

JSON = {"content-type": "application/json"}


def settings(folder: Path, **given) -> Settings:
    """Settings of a server; options of its kinds by name, such as ``policy="plackett_luce"``."""
    usual = {"index": "exact", "state": "memory", "policy": "greedy"}
    kinds = {
        kind: chosen(kind, given.pop(kind, name), given.pop(f"{kind}_options", {}))
        for kind, name in usual.items()
    }
    return Settings(folder=folder, **kinds, limits=given.pop("limits", Limits()), **given)


def small(folder: Path, n_items: int = 12, **given) -> Path:
    """A bundle of a few items, i1 to i12, of the categories odd and even."""
    return write_bundle(folder, vectors(n_items), **given)


def made(folder: Path, bundle: Path | None = None, **given) -> App:
    """A server of a small bundle, in its own folder."""
    folder.mkdir(parents=True, exist_ok=True)
    bundle = bundle or small(folder / "bundle")
    return app_of(settings(folder, **given), 0, bundle)


class Answered:
    """An answer of HTTP."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    def items(self) -> list[str]:
        """The listed items."""
        assert self.status == 200, self.body
        return [row["item"] for row in self.json["items"]]


async def call(
    app: App, method: str, path: str, body=None, *, headers=None, chunks=None, client="127.0.0.1"
):
    """Send a request; `body` is made JSON unless it is bytes. `chunks`: None goes away."""
    content = (
        body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    )
    given = {**(JSON if body is not None or chunks is not None else {}), **(headers or {})}
    where, _, query = path.partition("?")
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method,
        "scheme": "http", "path": where, "raw_path": where.encode(), "root_path": "",
        "query_string": query.encode(), "client": (client, 1), "server": ("test", 80),
        "headers": [(k.lower().encode(), v.encode()) for k, v in given.items()],
    }  # fmt: skip
    parts = list(chunks) if chunks is not None else [content]
    messages, sent = asyncio.Queue(), []
    for at, part in enumerate(parts):
        message = {"type": "http.request", "body": part, "more_body": at < len(parts) - 1}
        messages.put_nowait({"type": "http.disconnect"} if part is None else message)

    async def send(message):
        sent.append(message)

    await app.asgi(scope, messages.get, send)
    if not sent:
        return None
    names = {k.decode(): v.decode() for k, v in sent[0]["headers"]}
    return Answered(sent[0]["status"], names, b"".join(m.get("body", b"") for m in sent[1:]))


@asynccontextmanager
async def running(app: App):
    """Run the server's own tasks, and yield a function that sends requests."""
    async with app.starlette.router.lifespan_context(app.starlette):

        async def send(method, path, body=None, **given):
            return await call(app, method, path, body, **given)

        yield send


def ask(app: App, *requests, close: bool = False):
    """Send requests, (method, path, body) each, one after the other; return their answers."""

    async def run():
        answers = [await call(app, *request) for request in requests]
        if close:
            app.service.close()
        return answers

    return asyncio.run(run())


def recommend(app: App, body, **given) -> Answered:
    """Ask for recommendations."""
    return asyncio.run(call(app, "POST", "/v1/recommend", body, **given))
