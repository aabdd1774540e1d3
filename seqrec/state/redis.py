"""Sessions in a Redis server, which many machines share."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar

from seqrec.errors import ConfigError
from seqrec.home import install
from seqrec.state._event import Event, packed, unpacked
from seqrec.state._what import StateError

# keys: the list of events, the ids of these events in their order; arguments: how many to keep,
# milliseconds until the session is forgotten, then for each event its id (or nothing) and content
APPEND = """
local before, now = {}, tonumber(ARGV[3])
for at = 4, #ARGV, 2 do
  local id, content = ARGV[at], ARGV[at + 1]
  if id ~= '' and redis.call('ZADD', KEYS[2], 'NX', now, id) == 0 then
    before[#before + 1] = id
  else
    redis.call('RPUSH', KEYS[1], content)
  end
end
redis.call('LTRIM', KEYS[1], -tonumber(ARGV[1]), -1)
redis.call('ZREMRANGEBYRANK', KEYS[2], 0, -tonumber(ARGV[1]) - 1)
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('PEXPIRE', KEYS[2], ARGV[2])
return before
"""


class Redis:
    """Keeps sessions in a Redis (or Valkey) server, each in two keys of one hash slot.

    How much of what it has acknowledged outlives the server is the server's setting.

    Args:
        url: the server: ``redis://host:port/number``, ``rediss://`` or ``unix://``.
        keep: latest events that a session keeps.
        idle_minutes: a session without an event for so long is forgotten.
        timeout_ms: how long to wait for the server.
        prefix: begins the name of every key.

    Raises:
        ConfigError: the client isn't installed, or the server doesn't answer.
    """

    shared: ClassVar[bool] = True
    kept: ClassVar[bool] = True
    waits: ClassVar[str] = "all"
    bounds: ClassVar[dict[str, tuple[float, float]]] = {
        "keep": (1, 1_000_000_000),
        "idle_minutes": (0, 1_000_000_000),
        "timeout_ms": (1, 1_000_000_000),
    }

    def __init__(
        self,
        *,
        url: str = "redis://localhost:6379/0",
        keep: int = 1000,
        idle_minutes: float = 1440,
        timeout_ms: int = 500,
        prefix: str = "seqrec",
    ) -> None:
        try:
            import redis
        except ImportError as error:
            raise ConfigError(
                "state=redis needs the redis client", where="state=redis", todo=install("redis")
            ) from error
        self.keep, self.idle_ms, self.prefix = keep, max(1, round(60_000 * idle_minutes)), prefix
        self._error = redis.RedisError
        wait = timeout_ms / 1000
        todo = "start it, or name another one with state.url=redis://HOST:PORT/0"
        try:
            self._server: Any = redis.Redis.from_url(
                url, socket_timeout=wait, socket_connect_timeout=wait
            )
            self._append = self._server.register_script(APPEND)
            self.check()
        except (ValueError, StateError) as error:
            raise ConfigError(
                f"no Redis server answers: {getattr(error, 'what', error)}",
                where=url.rpartition("@")[2],  # without a password
                todo=todo,
            ) from error

    def append(self, session: str, events: Sequence[Event]) -> set[str]:
        """Keep events; see :class:`~seqrec.state.State`."""
        rows = [part for event in events for part in (event.id or "", packed(event))]
        with self._telling():
            given = [self.keep, self.idle_ms, time.time_ns() // 1_000_000, *rows]
            return {each.decode() for each in self._append(keys=self._keys(session), args=given)}

    def read(self, session: str) -> list[Event]:
        """Return the events, oldest first."""
        with self._telling():
            return [unpacked(each) for each in self._server.lrange(self._keys(session)[0], 0, -1)]

    def forget(self, session: str) -> bool:
        """Forget a session."""
        with self._telling():
            return self._server.delete(*self._keys(session)) > 0

    def check(self) -> None:
        """Ask the server whether it is there."""
        with self._telling():
            self._server.ping()

    def close(self) -> None:
        """Close the connections."""
        self._server.close()

    def _keys(self, session: str) -> list[str]:
        """Return the keys of a session; the braces keep them in one slot of a cluster."""
        return [f"{self.prefix}:{{{session}}}:{name}" for name in ("events", "ids")]

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except self._error as error:
            raise StateError(f"the Redis server: {error}", where="state=redis") from error
