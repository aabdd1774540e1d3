"""The paths of the server, as an application of ASGI."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from seqrec.errors import SeqrecError
from seqrec.live import Live
from seqrec.serve.handler import Call, Handler, Reply, encode, json_reply
from seqrec.serve.hours import Hours
from seqrec.serve.limits import Guard, Limits
from seqrec.serve.openapi import described
from seqrec.serve.page import page
from seqrec.serve.queue import clock
from seqrec.serve.refusal import RequestError
from seqrec.serve.schema import K_MOST, TEXT_MOST, Events, FiltersGiven, Load, Recommend, Similar
from seqrec.serve.service import Service
from seqrec.serve.together import Together
from seqrec.terminal.say import say

LOOK_S = 0.25  # seconds between two looks at the pointer, and two times that metrics are left
TITLES = 20  # items that a search returns


class App:
    """Answers HTTP requests.

    Args:
        service: what answers.
        limits: what it takes.
        described: what ``/health/ready`` adds: index, state and so on.
        shared: folder in which workers leave their metrics; None: there is one worker.
        hours: turns the log's past hours into Parquet; None: another worker does, or nobody.
    """

    def __init__(
        self,
        service: Service,
        limits: Limits,
        described: dict[str, Any],
        shared: Path | None = None,
        hours: Hours | None = None,
    ) -> None:
        self.hours = hours
        self.together = Together(shared, service.metrics)
        self.service, self.metrics, self.about = service, service.metrics, described
        self.guard, self.stopping = Guard(limits), False
        routes = self._routes()
        self._found = {(m, r.path): r.endpoint for r in routes for m in r.methods or ()}
        self.starlette = Starlette(
            routes=routes,
            lifespan=self._running,
            exception_handlers={HTTPException: _not_found},
        )

    async def asgi(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer as an application of ASGI.

        A path that is written as its route is goes past Starlette's middleware and patterns, which
        take as long as the encoder does for a short session.
        """
        is_http = scope["type"] == "http"
        handler = self._found.get((scope["method"], scope["path"])) if is_http else None
        await (handler or self.starlette)(scope, receive, send)

    def _routes(self) -> list[Route]:
        def route(method: str, path: str, answer: Any, **options: Any) -> Route:
            handler = Handler(path, answer, guard=self.guard, metrics=self.metrics, **options)
            return Route(path, handler, methods=[method])

        return [
            route("POST", "/v1/recommend", self._recommend, body=Recommend),
            route("POST", "/v1/events", self._events, body=Events),
            route("POST", "/v1/similar", self._similar, body=Similar),
            route("GET", "/v1/items", self._items),
            route("DELETE", "/v1/sessions/{name:path}", self._forget),
            route("GET", "/v1/filters", self._filters),
            route("PUT", "/v1/filters", self._filter, body=FiltersGiven, admin=True),
            route("POST", "/admin/load", self._load, body=Load, admin=True),
            route("POST", "/admin/rollback", self._roll_back, admin=True),
            route("GET", "/health/live", self._alive, open=True),
            route("GET", "/health/ready", self._ready, open=True),
            route("GET", "/metrics", self._measured, open=True),
            route("GET", "/openapi.json", self._openapi, open=True),
            route("GET", "/", self._page, open=True),
        ]

    async def _recommend(self, call: Call) -> Reply:
        content = await self.service.recommend(call.body, call.ms)
        call.ms["total"] = clock() - call.begun
        for stage, ms in call.ms.items():
            self.metrics.took(stage, ms)
            call.ms[stage] = round(ms, 3)
        return json_reply(content)

    async def _events(self, call: Call) -> Reply:
        return json_reply(await self.service.happened(call.body))

    async def _similar(self, call: Call) -> Reply:
        return json_reply(await self.service.similar(call.body))

    async def _items(self, call: Call) -> Reply:
        given = parse_qs(call.scope["query_string"].decode("latin-1"), errors="replace")
        text, k = given.get("q", [""])[-1].strip(), given.get("k", [str(TITLES)])[-1]
        if not text or len(text) > TEXT_MOST:
            raise RequestError(
                400,
                "the text to look for is missing or too long",
                where="q",
                todo="ask for /v1/items?q=star",
            )
        if not (k.isascii() and k.isdigit() and len(k) < 6 and 1 <= int(k) <= K_MOST):
            raise RequestError(
                400,
                f"k has to be from 1 to {K_MOST}",
                where="k",
                todo="ask for /v1/items?q=star&k=20",
            )
        return json_reply(await self.service.titled(text, int(k)))

    async def _forget(self, call: Call) -> Reply:
        return json_reply(await self.service.forget(call.scope["path_params"]["name"]))

    async def _filters(self, call: Call) -> Reply:
        return json_reply(self.service.filters.current().given)

    async def _filter(self, call: Call) -> Reply:
        return json_reply(await self.service.filter(call.body))

    async def _load(self, call: Call) -> Reply:
        return await self._swap(self.service.models.put, Path(call.body.bundle), why="/admin/load")

    async def _roll_back(self, call: Call) -> Reply:
        return await self._swap(self.service.models.roll_back, why="/admin/rollback")

    async def _swap(self, change: Callable[..., Live], *given: Path, why: str) -> Reply:
        """Change what is live, then let all workers answer with it."""
        models, begun = self.service.models, clock()
        before = models.live.model.sha
        try:
            await asyncio.to_thread(change, *given, why=why)
            await asyncio.to_thread(models.follow)
        except SeqrecError as error:
            raise RequestError.of(error, 409) from error
        content = {"bundle": models.live.model.sha, "before": before}
        return json_reply(content | {"ms": round(clock() - begun, 1)})

    async def _alive(self, call: Call) -> Reply:
        return json_reply({"alive": True})

    async def _ready(self, call: Call) -> Reply:
        await self.service.sessions.check()
        model = self.service.models.live.model
        content = {
            "ready": not self.stopping,
            "bundle": model.sha,
            "folder": str(model.bundle.path),
            "items": len(model.items),
            "recall": model.recall,
            "filters": self.service.filters.current().version,
            **self.about,
            "trouble": self.service.trouble() | self._compacting(),
        }
        return json_reply(content, 503 if self.stopping else 200)

    def _compacting(self) -> dict[str, str]:
        failed = None if self.hours is None else self.hours.trouble
        return {} if failed is None else {"hours": failed}

    async def _measured(self, call: Call) -> Reply:
        self._note()
        return 200, b"text/plain; version=0.0.4; charset=utf-8", self.together.text()

    def _note(self) -> None:
        """Set what isn't counted as it happens."""
        metrics, model = self.metrics, self.service.models.live.model
        metrics.queue.set(len(model.queue))
        metrics.recall.set(model.recall)
        metrics.filters.set(self.service.filters.current().given.version)
        metrics.bundle.clear()
        metrics.bundle.labels(metrics.worker, model.sha).set(1)

    async def _openapi(self, call: Call) -> Reply:
        return json_reply(described())

    async def _page(self, call: Call) -> Reply:
        return 200, b"text/html; charset=utf-8", page()

    @contextlib.asynccontextmanager
    async def _running(self, app: Starlette) -> AsyncIterator[None]:
        looking = asyncio.create_task(self._look())
        try:
            yield
        finally:
            self.stopping = True
            looking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await looking
            if self.hours is not None:
                await asyncio.to_thread(self.hours.close)
            await asyncio.to_thread(self.service.close)

    async def _look(self) -> None:
        """Follow the pointer, for as long as the server runs."""
        await asyncio.to_thread(self.service.models.prepare)
        while True:
            self._note()
            self.together.leave()
            self._tidy()
            await asyncio.sleep(LOOK_S)
            if self.service.models.changed():
                await self.follow()

    def _tidy(self) -> None:
        """Give past hours of the log free, and let them become Parquet."""
        log = self.service.logged.log
        if log is not None:
            log.rest()
            if self.hours is not None:
                self.hours.look()

    async def follow(self) -> None:
        """Answer with what the pointer names, as soon as it is loaded."""
        try:
            await asyncio.to_thread(self.service.models.follow)
        except (SeqrecError, OSError) as error:
            say(f"the bundle of before goes on: {error}", style="bold red")


async def _not_found(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    what = {404: "there is nothing here", 405: "this isn't asked for in this way"}
    told = {"what": what.get(error.status_code, error.detail), "where": request.url.path}
    content = encode({"error": told | {"fix": "/openapi.json lists what there is"}})
    return Response(content, error.status_code, error.headers, media_type="application/json")
