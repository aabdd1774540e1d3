"""Bundles to promote, and the folder of one that is live, which the tests of promoting share."""

import shutil

import numpy as np
import pytest
from helpers.promoting import ITEMS, run
from helpers.simulated_logs import open_all, write_log
from helpers.small_bundles import vectors, write_bundle


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """Three bundles and a log of the first: what is live, a clean update of it, another model."""
    place = tmp_path_factory.mktemp("bundles")
    table = vectors(ITEMS)
    noise = np.random.default_rng(1).normal(0, 0.01, table.shape).astype(np.float32)
    write_bundle(place / "old", table)
    write_bundle(place / "new", table + noise * (np.arange(ITEMS + 1) > 0)[:, None])
    write_bundle(place / "other", vectors(ITEMS, seed=7))
    [old] = open_all(place / "old")
    write_log(
        place / "log", lambda session: old, sessions=300, click=lambda sha: 0.9, elsewhere=True
    )
    assert run(place, "candidate=old", "stage=all") == 0
    return place


@pytest.fixture
def place(made, tmp_path, monkeypatch):
    """A folder of its own with the same things, and the old bundle live in it."""
    monkeypatch.setattr("seqrec.promote.judge.TIMED", 40)  # `made` is judged by as many as usual
    for name in ("old", "new", "other", "log"):
        (tmp_path / name).symlink_to(made / name)
    shutil.copytree(made / "serving", tmp_path / "serving")
    return tmp_path
