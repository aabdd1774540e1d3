"""Fixtures that many tests share."""

import os
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parents[1]


os.environ["SEQREC_LOCAL"] = "none"  # no test, and no program in one, sees personal settings
# several test processes share the cores; threads of each would only wait for one another
torch.set_num_threads(1)


def pytest_runtest_setup(item):
    """Tests marked ``gpu`` run where there is one."""
    if item.get_closest_marker("gpu") and not torch.cuda.is_available():
        pytest.skip("no CUDA device")


@pytest.fixture(autouse=True)
def _fixed_seed():
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def _private_caches(tmp_path, monkeypatch):
    """No test reads or writes the user's caches, or their W&B account."""
    monkeypatch.setenv("SEQREC_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
