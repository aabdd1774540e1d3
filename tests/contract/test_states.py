"""What every state promises, and that states which break a promise are found out."""

import shutil
import socket
import subprocess
import threading
import time

import pytest
from helpers.components import names

from seqrec.config.choose import Choice
from seqrec.errors import ConfigError
from seqrec.state import Event, StateError
from seqrec.state.memory import Memory

STATES = Choice("state", "state", "states")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A Redis server, where there is one."""
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    if program is None:
        pytest.skip("no redis-server here (Debian: redis-server)")
    pytest.importorskip("redis")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tmp_path_factory.mktemp("redis")
    words = [program, "--port", str(port), "--save", "", "--dir", str(folder)]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            break
        except OSError:
            assert process.poll() is None
            time.sleep(0.02)
    yield f"redis://127.0.0.1:{port}/0"
    process.terminate()
    process.wait()


@pytest.fixture(params=names("state"))
def make(request, tmp_path):
    """Makes the same state again, as another process would."""
    where = {"sqlite": {"path": str(tmp_path / "s.sqlite")}}
    if request.param == "redis":
        url = request.getfixturevalue("server")
        where["redis"] = {"url": url, "prefix": tmp_path.name}
    made = []

    def one(**options):
        given = {k: str(v) for k, v in {**where.get(request.param, {}), **options}.items()}
        nodes = STATES.settings_of([request.param], given)
        made.append(STATES.build(nodes)[request.param])
        return made[-1]

    yield one
    for state in made:
        state.close()


def events(*items: str, ids: bool = True) -> list[Event]:
    return [Event(item, 1000 + at, f"e{item}" if ids else None) for at, item in enumerate(items)]


def items(state, session: str = "s") -> list[str]:
    return [event.item for event in state.read(session)]


def check_order(make):
    """Events come back in the order in which they came, with all that they hold."""
    state = make()
    first = Event("a", 5, "e1", {"device": "phone", "stars": 4.5, "none": None})
    assert state.append("s", [first, Event("b", 3)]) == set()
    state.append("s", [Event("a", 1)])
    assert state.read("s") == [first, Event("b", 3), Event("a", 1)]
    assert state.read("other") == []


def check_once(make):
    """An event that comes twice is kept once; its id is of its session."""
    state = make()
    state.append("s", events("a", "b"))
    assert state.append("s", events("b", "c", "a", "c")) == {"ea", "eb", "ec"}
    assert items(state) == ["a", "b", "c"]
    assert state.append("other", events("a")) == set()
    state.append("s", events("a", "a", ids=False))
    assert items(state) == ["a", "b", "c", "a", "a"]


def check_keep(make):
    """The latest events are kept."""
    state = make(keep=3)
    state.append("s", events("a", "b", "c", "d"))
    state.append("s", events("e"))
    assert items(state) == ["c", "d", "e"]


def check_idle(make):
    """A session that was idle for too long is forgotten."""
    state = make(idle_minutes=0.5 / 60)
    state.append("s", events("a"))
    time.sleep(1.6)
    assert items(state) == []
    assert state.append("s", events("a")) == set()
    assert items(state) == ["a"]


def check_forget(make):
    """A forgotten session is gone, with the ids of its events."""
    state = make()
    state.append("s", events("a"))
    state.append("other", events("b"))
    assert state.forget("s") and not state.forget("s")
    assert items(state) == [] and items(state, "other") == ["b"]
    assert state.append("s", events("a")) == set()


def check_names(make):
    """Any text is the name of a session."""
    state = make()
    for at, name in enumerate(("", "\x00", "🦊" * 100, "a'; DROP TABLE event; --", "{a}:b")):
        state.append(name, events(str(at)))
        assert items(state, name) == [str(at)]


def check_together(make):
    """Two that write to a session at once lose nothing and double nothing."""
    states = [make() for _ in range(2)] if make().shared else [make()] * 2

    def write(at: int) -> None:
        for n in range(30):
            both = f"both{n}"
            states[at].append("s", [Event(f"{at}-{n}", 1, f"{at}-{n}"), Event(both, 1, both)])

    writers = [threading.Thread(target=write, args=(at,)) for at in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    found = items(states[0])
    own = [f"{at}-{n}" for at in range(2) for n in range(30)]
    assert sorted(found) == sorted([*own, *(f"both{n}" for n in range(30))])
    assert [item for item in found if item[:2] == "0-"] == own[:30]


CHECKS = [check_order, check_once, check_keep, check_idle, check_forget, check_names,
          check_together]  # fmt: skip


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_a_state_keeps_its_promises(make, check):
    check(make)


class Broken(Memory):
    """A state that breaks one promise."""

    def __init__(self, promise, **given):
        super().__init__(**{k: v for k, v in given.items() if k != "idle_minutes"})
        self.promise = promise

    def append(self, session, events):
        if self.promise is check_order:
            events = events[::-1]
        if self.promise is check_once:
            events = [Event(e.item, e.time) for e in events]
        if self.promise is check_names:
            session = session.strip("\x00")
        if self.promise is check_together and events[-1].item == "both7":
            return set()
        return super().append(session, events)

    def forget(self, session):
        return self.promise is not check_forget and super().forget(session)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_a_broken_state_is_found_out(check):
    keep = {"keep": 5} if check is check_keep else {}
    with pytest.raises(AssertionError):
        check(lambda **given: Broken(check, **{**given, **keep}))


def test_sqlite_survives_its_process_and_refuses_other_files(tmp_path):
    from seqrec.state.sqlite import Sqlite

    path = str(tmp_path / "s.sqlite")
    Sqlite(path=path).append("s", events("a"))
    assert items(Sqlite(path=path)) == ["a"]
    (tmp_path / "text").write_text("no database" * 100)
    with pytest.raises(ConfigError, match="can't be kept"):
        Sqlite(path=str(tmp_path / "text"))


def test_a_clock_that_goes_back_forgets_nothing(tmp_path):
    from seqrec.state.sqlite import Sqlite

    now = [10_000.0]
    state = Sqlite(path=str(tmp_path / "s.sqlite"), idle_minutes=1, clock=lambda: now[0])
    state.append("s", events("a"))
    now[0] -= 5000
    state.append("s", events("b"))
    assert items(state) == ["a", "b"]


def test_another_that_writes_for_too_long_is_told(tmp_path):
    from seqrec.state.sqlite import Sqlite

    path = str(tmp_path / "s.sqlite")
    state, other = Sqlite(path=path, busy_ms=20), Sqlite(path=path)
    with other._writing(), pytest.raises(StateError, match="locked"):
        state.append("s", events("a"))
    assert state.append("s", events("a")) == set() and items(state) == ["a"]


def test_redis_that_is_not_there_is_refused_without_its_password():
    pytest.importorskip("redis")
    from seqrec.state.redis import Redis

    with pytest.raises(ConfigError, match="no Redis server answers") as refused:
        Redis(url="redis://:secret@127.0.0.1:1/0")
    assert "secret" not in str(refused.value)
