"""A request on its way: let in, read, answered, counted."""

import sys
import traceback
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from seqrec.serve.limits import Guard
from seqrec.serve.metrics import Metrics
from seqrec.serve.queue import clock
from seqrec.serve.refusal import RequestError, misread
from seqrec.serve.schema import fields_of

encode = msgspec.json.Encoder().encode
JSON = b"application/json"
CLOSES = (408, 413)  # after these, the rest of the body is of no use
Reply = tuple[int, bytes, bytes]  # status, content type, body
Answering = Callable[["Call"], Awaitable[Reply]]


class Call(Struct):
    """A request that was let in.

    Args:
        scope: of ASGI.
        body: the decoded body; None: it has none.
        ms: milliseconds by stage.
        begun: when it came, on the server's clock.
    """

    scope: Mapping[str, Any]
    body: Any
    ms: dict[str, float]
    begun: float


class Handler:
    """Answers one path, as an application of ASGI.

    Args:
        path: its name in the metrics.
        answer: answers a call.
        guard: lets requests in.
        metrics: counts them.
        body: the type of the body; None: there is none.
        admin: it changes what everybody gets.
        open: it asks for no key: health and metrics.
    """

    def __init__(
        self,
        path: str,
        answer: Answering,
        *,
        guard: Guard,
        metrics: Metrics,
        body: type[Struct] | None = None,
        admin: bool = False,
        open: bool = False,
    ) -> None:
        self.path, self.answer, self.guard, self.metrics = path, answer, guard, metrics
        self.admin, self.open, self.kind = admin, open, body
        if body is not None:
            self._decoder, self._fields = msgspec.json.Decoder(body), fields_of(body)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request; whatever is wrong with it is an answer, too."""
        begun, extra = clock(), []
        self.metrics.in_flight += 1
        try:
            reply = await self._replied(scope, receive, begun)
            if reply is None:
                return
        except RequestError as refusal:
            reply = refusal.status, JSON, encode(refusal.content())
            extra = refusal.headers()
            self.metrics.count("refused", str(refusal.status))
        except Exception:
            traceback.print_exc(file=sys.stderr)
            told = {"error": {"what": "a mistake in the server, which its log describes"}}
            reply = 500, JSON, encode(told)
        finally:
            self.metrics.in_flight -= 1
        self.metrics.answered(self.path, reply[0])
        await respond(send, *reply, extra=extra)

    async def _replied(self, scope: Any, receive: Any, begun: float) -> Reply | None:
        headers = dict(scope["headers"])
        if not self.open:
            self.guard.admit(scope, headers, admin=self.admin)
        body = None
        if self.kind is not None:
            content = await self.guard.body(headers, receive)
            if content is None:
                return None
            try:
                body = self._decoder.decode(content)
            except (msgspec.MsgspecError, ValueError, RecursionError) as error:
                raise misread(error, self._fields) from error
        return await self.answer(Call(scope, body, {"parse": clock() - begun}, begun))


def json_reply(content: Any, status: int = 200) -> Reply:
    """Return a reply of JSON."""
    return status, JSON, encode(content)


async def respond(
    send: Any, status: int, kind: bytes, body: bytes, extra: list[tuple[bytes, bytes]]
) -> None:
    """Send a whole answer."""
    headers = [
        (b"content-type", kind),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        *extra,
    ]
    if status in CLOSES:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
