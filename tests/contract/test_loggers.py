"""What every logger promises, and that loggers which break a promise are found out."""

import socket

import pytest
from helpers.components import component, names

from seqrec.run.info import RunInfo

every = pytest.mark.parametrize("name", names("logger"))


@pytest.fixture(autouse=True)
def _no_network(monkeypatch):
    """Nothing but this machine can be reached."""
    connect = socket.socket.connect

    def local(self, address):
        if isinstance(address, tuple) and not str(address[0]).startswith(("127.", "::1")):
            raise AssertionError(f"a logger asked {address}")
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", local)
    monkeypatch.delenv("WANDB_MODE", raising=False)


def log(logger, folder, *, failed=False):
    """A run that logs two validations and ends."""
    folder.mkdir()
    opened = logger.open(RunInfo(folder, "a run", "a group", folder.name * 4, config={"dim": 8}))
    for epoch in range(2) if opened else ():
        opened.log_metrics({"valid/ndcg@10": 0.25 * epoch, "epoch": epoch}, step=epoch)
    tables = {"recommendations": (["item"], [["i1"], ["i2"]])}
    logger.finish({"test/ndcg@10": 0.5}, {} if failed else tables, failed=failed)


def check_offline(make, folder):
    """It logs without network and key, and asks nobody."""
    log(make(), folder / "one")


def check_place(make, folder):
    """What it writes lies in the run's folder."""
    log(make(), folder / "one")
    assert [path.name for path in folder.iterdir()] == ["one"]


def check_closes(make, folder):
    """After a run that failed, the next one in the same process is logged like any other."""
    log(make(), folder / "one", failed=True)
    try:
        log(make(), folder / "two")
    except Exception as error:
        raise AssertionError(f"the first run wasn't closed: {error}") from error


def check_unopened(make, folder):
    """It can be closed though it was never opened."""
    try:
        make().finish({}, {}, failed=True)
    except Exception as error:
        raise AssertionError(f"it can't be closed: {error}") from error


def check_hints(make, folder):
    """It says in lines what can be typed or opened."""
    logger = make()
    log(logger, folder / "one")
    assert all(isinstance(hint, str) and "\n" not in hint for hint in logger.hints())


CHECKS = [check_offline, check_place, check_closes, check_unopened, check_hints]


@pytest.mark.slow
@every
@pytest.mark.parametrize("check", CHECKS)
def test_a_logger_keeps_its_promise(check, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "runs"
    folder.mkdir()
    check(lambda: component("logger", name), folder)


class Broken:
    """Breaks one promise, as its name says."""

    in_use = False

    def __init__(self, how=""):
        self.how = how

    def open(self, run):
        self.folder = run.folder
        if self.how == "asks":
            socket.create_connection(("192.0.2.1", 80), timeout=0.01)
        if self.how == "stays open":
            if Broken.in_use:
                raise RuntimeError("a run is being logged")
            Broken.in_use = True
        if self.how == "writes beside":
            (run.folder.parent / "curves.csv").touch()

    def finish(self, summary, tables, *, failed):
        if self.how == "needs a run":
            self.folder.exists()

    def hints(self):
        return [self.folder] if self.how == "hints in paths" else []


@pytest.mark.parametrize(
    ("check", "how"),
    [
        (check_offline, "asks"),
        (check_place, "writes beside"),
        (check_closes, "stays open"),
        (check_unopened, "needs a run"),
        (check_hints, "hints in paths"),
    ],
)
def test_a_broken_logger_is_found_out(check, how, tmp_path):
    Broken.in_use = False
    with pytest.raises(AssertionError):
        check(lambda: Broken(how), tmp_path)


def test_a_logger_that_breaks_none_passes(tmp_path):
    for check in CHECKS:
        folder = tmp_path / check.__name__
        folder.mkdir()
        check(Broken, folder)
