"""Who may ask, how often, and how much at once."""

import asyncio
import hmac
import ipaddress
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from seqrec.serve.refusal import RequestError

BURST_S = 2.0  # a client may send at once what it may send in so many seconds
DRAINED = 32  # times the largest body: how much of a larger one is read before it is refused
CLIENTS = 10_000  # clients that are told apart


@dataclass(frozen=True)
class Limits:
    """What a server takes.

    Args:
        body: bytes of a request.
        body_s: seconds in which a body has to arrive.
        rate: requests a second of each client; 0: any number.
        keys: API keys; none: anybody may ask.
        admin_keys: keys for what changes the lists of everybody; none: nobody may change them from
            afar, and bundles not at all.
    """

    body: int = 1 << 20
    body_s: float = 5.0
    rate: float = 0.0
    keys: Sequence[str] = ()
    admin_keys: Sequence[str] = ()


class Guard:
    """Holds clients to limits.

    Args:
        limits: the limits.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def admit(
        self, scope: Mapping[str, Any], headers: Mapping[bytes, bytes], *, admin: bool
    ) -> None:
        """Let a request in.

        Args:
            scope: the request's, of ASGI.
            headers: its headers.
            admin: whether it changes what everybody gets.

        Raises:
            RequestError: it has no valid key, or comes too often.
        """
        limits, key = self.limits, _key(headers)
        if admin:
            self._admit_admin(scope, key)
        elif limits.keys and not _known(key, (*limits.keys, *limits.admin_keys)):
            raise RequestError(
                401,
                "the API key is missing or wrong",
                where="Authorization",
                todo="send the header Authorization: Bearer KEY",
            )
        if limits.rate:
            self._admit_often(key or str((scope.get("client") or ("?",))[0]))

    def _admit_admin(self, scope: Mapping[str, Any], key: str) -> None:
        if self.limits.admin_keys:
            if not _known(key, self.limits.admin_keys):
                raise RequestError(
                    401,
                    "the admin key is missing or wrong",
                    where="Authorization",
                    todo="send the header Authorization: Bearer KEY",
                )
            return
        if not _is_here((scope.get("client") or ("",))[0]):
            raise RequestError(
                403,
                "this is for the machine that the server runs on",
                todo="start the server with SEQREC_ADMIN_KEY set, and send that key",
            )

    def _admit_often(self, client: str) -> None:
        """Take a token of a client's bucket, which fills at the rate."""
        now, rate = asyncio.get_running_loop().time(), self.limits.rate
        tokens, last = self._buckets.pop(client, (rate * BURST_S, now))
        tokens = min(max(1.0, rate * BURST_S), tokens + rate * (now - last))
        self._buckets[client] = max(0.0, tokens - 1), now
        if len(self._buckets) > CLIENTS:
            self._buckets.popitem(last=False)
        if tokens < 1:
            raise RequestError(
                429,
                f"more than {rate:g} requests a second",
                todo="send fewer",
                after=max(1, round((1 - tokens) / rate)),
            )

    async def body(self, headers: Mapping[bytes, bytes], receive: Any) -> bytes | None:
        """Return the body of a request; None if the client went away.

        Raises:
            RequestError: it is too large, comes too slowly, or isn't said to be JSON.
        """
        kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
        if kind != b"application/json":
            raise RequestError(
                415,
                "the body has to be JSON",
                where="Content-Type",
                todo="send the header Content-Type: application/json",
            )
        declared = headers.get(b"content-length", b"0")
        if not declared.isdigit() or len(declared) > 18:
            raise self._too_large()
        if int(declared) > DRAINED * self.limits.body:
            raise self._too_large()
        try:
            async with asyncio.timeout(self.limits.body_s):
                return await self._arrived(receive)
        except TimeoutError as error:
            raise RequestError(
                408, f"the body didn't arrive within {self.limits.body_s:g} s", todo="send it again"
            ) from error

    async def _arrived(self, receive: Any) -> bytes | None:
        """Return the body; what is too large is read to its end, so that the client hears why."""
        content, size = b"", 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            size += len(message.get("body", b""))
            if size <= self.limits.body:
                content += message.get("body", b"")
            if size > DRAINED * self.limits.body:
                raise self._too_large()
            if not message.get("more_body"):
                break
        if size > self.limits.body:
            raise self._too_large()
        return content

    def _too_large(self) -> RequestError:
        return RequestError(
            413, f"the body has more than {self.limits.body:,} bytes", todo="send less at once"
        )


def _key(headers: Mapping[bytes, bytes]) -> str:
    given = headers.get(b"authorization", b"").decode("latin-1")
    return given.removeprefix("Bearer ").strip() if given.startswith("Bearer ") else ""


def _known(key: str, keys: Sequence[str]) -> bool:
    """Compare with all keys, in a time that doesn't depend on which one it is."""
    return sum(hmac.compare_digest(key.encode(), each.encode()) for each in keys) > 0


def _is_here(client: str) -> bool:
    try:
        return ipaddress.ip_address(client).is_loopback
    except ValueError:
        return False
