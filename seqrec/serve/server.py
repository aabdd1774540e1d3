"""The server as processes: one socket, one worker or several, and an orderly end."""

import asyncio
import gc
import os
import resource
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from seqrec.errors import ConfigError
from seqrec.serve.app import App
from seqrec.terminal.errors import plain_errors
from seqrec.terminal.say import say

BACKLOG = 2048
HEADERS_S = 10  # seconds in which a request's headers have to arrive
IDLE_S = 30  # seconds that a connection may rest between requests
STOP_S = 5  # seconds in which what is under way is finished
LOOK_S = 0.05  # seconds between two looks at the workers
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
FILES = 16_384  # open files, connections among them

MakeApp = Callable[[int, bool], App]  # of a worker's number, and whether it is the first


class Patient(HttpToolsProtocol):
    """HTTP by httptools, which ends connections whose headers don't arrive."""

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for the headers."""
        super().connection_made(transport)
        self._late = self.loop.call_later(HEADERS_S, self._give_up)

    def on_message_begin(self) -> None:
        """Begin to wait for the headers of another request."""
        super().on_message_begin()
        self._late.cancel()
        self._late = self.loop.call_later(HEADERS_S, self._give_up)

    def on_headers_complete(self) -> None:
        """Wait no longer."""
        self._late.cancel()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._late.cancel()
        super().connection_lost(exc)

    def _give_up(self) -> None:
        if not self.transport.is_closing():
            self.transport.close()


def bound(host: str, port: int) -> socket.socket:
    """Return a socket that listens at an address.

    Raises:
        ConfigError: it can't.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((host, port))
    except (OSError, OverflowError) as error:
        made.close()
        raise ConfigError(
            f"the server can't listen at {host} port {port}: "
            f"{getattr(error, 'strerror', None) or error}",
            where="port",
            todo=f"choose another one: port={min(65_535, max(1024, port) + 1)}",
        ) from error
    made.listen(BACKLOG)
    made.set_inheritable(True)
    return made


def serve(make_app: MakeApp, listening: socket.socket, *, workers: int, ready: str) -> int:
    """Serve until a signal ends it; return the exit status.

    SIGTERM and SIGINT finish what is under way. SIGHUP looks at the pointer file and the bundle
    that it names.

    Args:
        make_app: makes the application of a worker.
        listening: what it listens at; workers share it.
        workers: number of processes.
        ready: what is said when all of them answer.

    Raises:
        SeqrecError: the application can't be made.
    """
    _open_files()
    if workers == 1:
        return worker(make_app(0, True), listening, lambda: say(ready))
    return Workers(make_app, listening, workers, ready).run()


def worker(app: App, listening: socket.socket, started: Callable[[], None]) -> int:
    """Serve in this process; return its exit status."""
    config = uvicorn.Config(
        app.asgi,
        interface="asgi3",
        http=Patient,
        loop="uvloop",
        lifespan="on",
        log_level="error",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=IDLE_S,
        timeout_graceful_shutdown=STOP_S,
    )
    server = uvicorn.Server(config)

    async def run() -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGHUP, lambda: loop.create_task(app.follow()))
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        while not server.started and not serving.done():
            await asyncio.sleep(0.005)
        if server.started:
            gc.collect()
            gc.freeze()  # a walk through all modules would hold up a request for 50 ms
            started()
        await serving

    with _calm(), asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(run())
    return 0 if server.started else 1


class Workers:
    """Processes that share a socket, and one that looks after them.

    The first makes the bundle live, and the others start when it answers. A worker that dies is
    replaced; if one dies before all of them answered, all end.

    Args:
        make_app: makes the application of a worker.
        listening: what they listen at.
        number: how many there are.
        ready: what is said when all of them answer.
    """

    def __init__(
        self, make_app: MakeApp, listening: socket.socket, number: int, ready: str
    ) -> None:
        self.make_app, self.listening, self.number, self.ready = make_app, listening, number, ready
        self.pids: dict[int, int] = {}  # process to worker
        self.stopping, self.failed, self.up = False, False, 0
        self.reading, self.writing = os.pipe()
        os.set_blocking(self.reading, False)

    def run(self) -> int:
        """Look after the workers until they end; return the exit status."""
        for number in SIGNALS:
            signal.signal(number, self._pass_on)
        self._start(0, first=True)
        while self.pids:
            self._count()
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid:
                self._ended(self.pids.pop(pid), os.waitstatus_to_exitcode(status))
            else:
                time.sleep(LOOK_S)
        return 1 if self.failed else 0

    def _start(self, number: int, *, first: bool = False) -> None:
        """Start a worker, which leaves this function by ending its process."""
        pid = os.fork()
        if pid:
            self.pids[pid] = number
            return
        status = 1
        try:
            for each in SIGNALS:
                signal.signal(each, signal.SIG_DFL)
            with plain_errors():
                status = worker(self.make_app(number, first), self.listening, self._tell)
        except BaseException as error:
            if not isinstance(error, SystemExit):
                traceback.print_exc(file=sys.stderr)
        finally:
            with suppress(Exception):
                sys.stderr.flush()
            os._exit(status)

    def _tell(self) -> None:
        """Tell, in a worker, that it answers."""
        os.write(self.writing, b"x")

    def _count(self) -> None:
        """Count the workers that answer, start the others, and say when all answer."""
        with suppress(BlockingIOError):
            before, self.up = self.up, self.up + len(os.read(self.reading, 64))
            if before == 0 and not self.stopping:
                for number in range(1, self.number):
                    self._start(number)
            if before < self.number <= self.up:
                say(self.ready)

    def _ended(self, number: int, status: int) -> None:
        if self.stopping:
            return
        if self.up < self.number:
            self.failed = True
            self._pass_on(signal.SIGTERM, None)
        else:
            say(f"worker {number} ended with status {status}; another takes its place")
            self._start(number)

    def _pass_on(self, number: int, frame: FrameType | None) -> None:
        """Send a signal to the workers."""
        self.stopping |= number != signal.SIGHUP
        for pid in list(self.pids):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM if number == signal.SIGINT else number)


@contextmanager
def _calm() -> Iterator[None]:
    """Let uvicorn's signal, which it raises again when it has finished, end nothing."""
    before = {n: signal.signal(n, lambda *_: None) for n in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _open_files() -> None:
    """Allow as many open files as the system lets this process have, within reason."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    if soft < most:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
