"""Weights & Biases never stops a run."""

import pytest

from seqrec.comparison.show.workspace import FACTORS, report, workspace
from seqrec.errors import ConfigError
from seqrec.logger.wandb import Wandb
from seqrec.run.info import RunInfo


def test_a_key_without_a_server_gives_an_offline_run(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_API_KEY", "a" * 40)
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.delenv("WANDB_MODE", raising=False)
    monkeypatch.setenv("WANDB_INIT_TIMEOUT", "2")
    logger = Wandb()
    assert logger.mode == "online"
    assert logger.open(RunInfo(tmp_path, "name", "group", "abcd1234")) is not None
    logger.finish({"test/ndcg@10": 0.5}, {"t": (["a"], [["x"]])}, failed=False)
    assert logger.mode == "offline"
    assert [hint.split()[1] for hint in logger.hints()] == ["sync", "leet"]
    assert len(list(tmp_path.glob("wandb/offline-run-*/*.wandb"))) == 1


def test_a_model_and_the_data_it_came_of_are_artifacts(tmp_path, monkeypatch):
    monkeypatch.delenv("WANDB_MODE", raising=False)
    used, logged = [], []
    monkeypatch.setattr("wandb.sdk.wandb_run.Run.use_artifact", lambda run, a: used.append(a))
    monkeypatch.setattr("wandb.sdk.wandb_run.Run.log_artifact", lambda run, a: logged.append(a))
    (tmp_path / "checkpoints").mkdir()
    for name in ("config.yaml", "run.json", "checkpoints/best.ckpt", "other.txt"):
        (tmp_path / name).write_text(name)
    choices = {"data": "my data", "model": "sasrec"}
    about = RunInfo(
        tmp_path, "n", "g", "abcd1234", config={"data_hash": "f" * 64, "choices": choices}
    )
    for mode, failed, models, datasets in (
        ("offline", True, 0, 0), ("offline", False, 1, 0), ("online", False, 2, 1)
    ):  # fmt: skip
        logger = Wandb(mode="offline", log_model=True)
        logger.open(about)
        logger.mode = mode
        logger.finish({"test/ndcg@10": 0.5}, {}, failed=failed)
        assert (len(logged), len(used)) == (models, datasets)
    [data], model = used, logged[0]
    assert (data.name, data.type) == ("my-data", "dataset")
    assert (model.name, model.type) == ("my-data-sasrec", "model")
    assert set(model.manifest.entries) == {"config.yaml", "run.json", "checkpoints/best.ckpt"}
    assert model.metadata == {"data_hash": "f" * 64, "test/ndcg@10": 0.5}


def test_a_view_and_a_report_are_of_the_group_and_the_metric():
    given = {"entity": "me", "project": "p", "group": "a/b", "metric": "mrr@5"}
    view, text = workspace(**given), report(**given)
    spec = view._to_model().model_dump_json()
    assert '"value":"a/b"' in spec and "choices.value.model" in spec
    assert spec.count("test/mrr@5") > 3 and "valid/mrr@5" in spec and "ndcg" not in spec
    grids = [block for block in text.blocks if hasattr(block, "runsets")]
    assert len(grids) == 3 + len(FACTORS)
    assert {grid.runsets[0].filters for grid in grids} == {"Metric('Group') == 'a/b'"}


def test_without_a_key_it_is_offline_and_a_wrong_mode_is_named(monkeypatch):
    monkeypatch.delenv("WANDB_MODE", raising=False)
    assert Wandb().mode == "offline"
    assert Wandb(mode="online").mode == "online"
    monkeypatch.setenv("WANDB_MODE", "sometimes")
    with pytest.raises(ConfigError, match="sometimes"):
        Wandb()
