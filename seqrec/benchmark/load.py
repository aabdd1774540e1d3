"""An open load: requests are sent when they are due, whether or not those before are answered.

A latency counts from the moment when its request was due, so a server that falls behind can't hide
it (coordinated omission).
"""

import asyncio
import gc
import json
import time
from typing import Any

import numpy as np

CONNECTIONS = 64  # kept open; a request that finds none free waits, and the wait counts
EARLY_S = 0.002  # a sleep ends up to a millisecond late, so the rest is waited for awake
LAST_S = 10.0  # how long to wait for the last answers
END = b"\r\n\r\n"


class Connection(asyncio.Protocol):
    """One connection of HTTP/1.1 that is kept open, with one request at a time."""

    def __init__(self) -> None:
        self.content, self.answer = b"", asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport: Any = transport

    def data_received(self, data: bytes) -> None:
        """Collect an answer, and give its status when it is whole."""
        self.content += data
        head, found, body = self.content.partition(END)
        if not found:
            return
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        if len(body) >= length and not self.answer.done():
            self.content = b""
            self.answer.set_result(int(head[9:12]))

    def connection_lost(self, error: Exception | None) -> None:
        """Give up the request."""
        if not self.answer.done():
            self.answer.set_result(0)

    async def send(self, request: bytes) -> int:
        """Send a request and return the status of its answer; 0: there was none."""
        if self.transport.is_closing():
            return 0
        self.answer = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return await self.answer


def request_of(body: dict[str, Any], path: str = "/v1/recommend") -> bytes:
    """Return a request as it goes over the wire."""
    content = json.dumps(body).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: load\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


def histories(n_items: int, n: int, seed: int = 0) -> list[list[str]]:
    """Return sessions of items ``i1``, ``i2``, ... as long and as popular as real ones are.

    Lengths and items follow power laws, as in ETUDE (ICDE 2024).
    """
    rng = np.random.default_rng(seed)
    length = np.minimum(50, 1 + rng.pareto(1.0, n) * 5).astype(int)
    return [[f"i{1 + int(n_items * u**3)}" for u in rng.random(each)] for each in length]


def measure_load(
    port: int, n_items: int, rate: float, seconds: float, seed: int = 0
) -> dict[str, Any]:
    """Send requests at a fixed rate, and return percentiles of their latencies in milliseconds.

    Args:
        port: of the server on this machine.
        n_items: items of its catalogue.
        rate: requests a second.
        seconds: how long.
        seed: of the sessions.

    Returns:
        ``p50``, ``p90`` and ``p99``, ``sent``, ``answered`` (with status 200), ``refused`` (503)
        and ``rate``: the answers a second until the last of them.
    """
    import uvloop  # peers read this module's histories without it

    sessions = histories(n_items, min(2000, max(1, round(rate * seconds))), seed)
    requests = [request_of({"items": each}) for each in sessions]
    # asyncio's own loop adds a third of a millisecond to what the server takes; the clock of this
    # one counts whole milliseconds, so it isn't asked, and nothing is looked through for garbage
    gc.disable()
    return uvloop.run(_sent(port, requests, rate, round(rate * seconds)))


async def _sent(port: int, requests: list[bytes], rate: float, number: int) -> dict[str, Any]:
    loop = asyncio.get_running_loop()
    free: asyncio.LifoQueue[Connection] = asyncio.LifoQueue()
    for _ in range(CONNECTIONS):
        _, connection = await loop.create_connection(Connection, "127.0.0.1", port)
        free.put_nowait(connection)
    latency, status = np.full(number, np.nan), np.zeros(number, int)

    async def one(at: int, due: float) -> None:
        connection = await free.get()
        status[at] = await connection.send(requests[at % len(requests)])
        latency[at] = (time.perf_counter() - due) * 1000
        free.put_nowait(connection)

    begun, waiting = time.perf_counter() + 0.1, []
    for at in range(number):
        due = begun + at / rate
        while (wait := due - time.perf_counter()) > 0:
            await asyncio.sleep(max(0.0, wait - EARLY_S))
        waiting.append(loop.create_task(one(at, due)))
    await asyncio.wait(waiting, timeout=LAST_S)
    took = time.perf_counter() - begun
    answered = latency[status == 200]
    p50, p90, p99 = np.percentile(answered, [50, 90, 99]) if len(answered) else [np.inf] * 3
    return {
        "p50": float(p50),
        "p90": float(p90),
        "p99": float(p99),
        "sent": number,
        "answered": len(answered),
        "refused": int((status == 503).sum()),
        "rate": len(answered) / took,
    }
