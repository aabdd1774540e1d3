"""Fixtures that many tests share."""

import gc
import itertools
import os
import sys
from unittest import mock

import hypothesis  # noqa: F401  it asks for referrers, which what is frozen has none of
import pytest
import torch
from helpers.browser import started
from helpers.commands import composed
from helpers.compositions import kept_compositions
from helpers.experiments import root, store_of
from helpers.exports import captures_in_forks, shared_bundle
from helpers.finished import shared_run
from helpers.order import in_halves
from helpers.place import Place

# what is compiled once is there for every process that tests start
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
os.environ["SEQREC_LOCAL"] = "none"  # no test, and no program in one, sees personal settings
# several test processes share the cores; threads of each would only wait for one another
torch.set_num_threads(1)
# what is imported and collected stays: nobody needs to look for garbage in it
gc.disable()
NUMBERS = itertools.count()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    """Let two workers, who begin with half of the list each, both end with short tests."""
    if hasattr(config, "workerinput"):
        items[:] = in_halves(items)


def pytest_collection_finish():
    """Collect garbage from here on, in what the tests make."""
    gc.freeze()
    gc.enable()


def pytest_runtest_setup(item):
    """Tests marked ``gpu`` run where there is one."""
    if item.get_closest_marker("gpu") and not torch.cuda.is_available():
        pytest.skip("no CUDA device")


@pytest.fixture(autouse=True, scope="session")
def _compositions():
    """Compose the same configuration once."""
    with kept_compositions():
        yield


@pytest.fixture(autouse=True, scope="session")
def _captures():
    """Capture models in forks."""
    with captures_in_forks():
        yield


@pytest.fixture(autouse=True, scope="session")
def _one_timing():
    """Time a trial step once: no test depends on how long it takes."""
    with mock.patch("seqrec.training.plan.TIMINGS", 1):
        yield


@pytest.fixture(autouse=True)
def _fixed_seed():
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def _private_caches(request, tmp_path_factory, monkeypatch):
    """No test reads or writes the user's caches, or their W&B account."""
    if "tmp_path" in request.fixturenames:
        folder = request.getfixturevalue("tmp_path")
    else:  # thousands have no folder, and no need of one
        folder = tmp_path_factory.getbasetemp() / "private" / str(next(NUMBERS))
    monkeypatch.setenv("SEQREC_CACHE_DIR", str(folder / "cache"))
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("NETRC", str(folder / "netrc"))


@pytest.fixture
def place(tmp_path):
    """A folder of its own for caches and runs, and programs that work in it."""
    return Place(tmp_path)


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """``finished("default")``: a finished run that all tests share and none may change."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "finished"
    made = {}

    def get(name):
        if name not in made:
            made[name] = shared_run(name, folder)
        return made[name]

    yield get
    for each in made.values():
        each.check()


@pytest.fixture(scope="session")
def exported(finished):
    """``exported("default")``: the bundle of a finished run, shared as that is."""
    made = {}

    def get(name):
        if name not in made:
            made[name] = shared_bundle(finished(name))
        return made[name]

    yield get
    for each in made.values():
        each.check()


@pytest.fixture(scope="session")
def default_config():
    """The default configuration as the command line composes it, and the chosen options."""
    return composed()


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    """A store of 40 planted users; the same for all tests, and read only."""
    config = root("data.n_users=40", "data.n_items=30", "data.length=14")
    return store_of(config, tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="session")
def chromium(tmp_path_factory):
    """A headless browser, which all pages share."""
    driver = started(tmp_path_factory.mktemp("profile"))
    yield driver
    driver.quit()
