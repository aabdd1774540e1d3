"""Weights & Biases never stops a run."""

import pytest

from seqrec.errors import ConfigError
from seqrec.logger.run_info import RunInfo
from seqrec.logger.wandb import Wandb


def test_a_key_without_a_server_gives_an_offline_run(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_API_KEY", "a" * 40)
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.delenv("WANDB_MODE", raising=False)
    logger = Wandb()
    assert logger.mode == "online"
    assert logger.open(RunInfo(tmp_path, "name", "group", "abcd1234")) is not None
    logger.finish({"test/ndcg@10": 0.5}, {"t": (["a"], [["x"]])}, failed=False)
    assert logger.mode == "offline"
    assert [hint.split()[1] for hint in logger.hints()] == ["sync", "leet"]
    assert len(list(tmp_path.glob("wandb/offline-run-*/*.wandb"))) == 1


def test_without_a_key_it_is_offline_and_a_wrong_mode_is_named(monkeypatch):
    monkeypatch.delenv("WANDB_MODE", raising=False)
    assert Wandb().mode == "offline"
    assert Wandb(mode="online").mode == "online"
    monkeypatch.setenv("WANDB_MODE", "sometimes")
    with pytest.raises(ConfigError, match="sometimes"):
        Wandb()
