"""Weights & Biases never stops a run."""

import shlex
import shutil
import time

import pytest

from seqrec.comparison.show.workspace import FACTORS, report, workspace
from seqrec.errors import ConfigError
from seqrec.logger._offline import next_step, parts_of
from seqrec.logger.wandb import Wandb
from seqrec.run.info import RunInfo


def soon(found, wanted, seconds: float = 10) -> bool:
    """Whether something is found before long: W&B writes its files in a process of its own."""
    until = time.monotonic() + seconds
    while found() != wanted and time.monotonic() < until:
        time.sleep(0.05)
    return found() == wanted


@pytest.mark.slow
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
    with pytest.raises(ConfigError, match="no API key"):
        Wandb(mode="online")
    monkeypatch.setenv("WANDB_MODE", "sometimes")
    with pytest.raises(ConfigError, match="sometimes"):
        Wandb()


@pytest.mark.parametrize(
    ("name", "value", "mode"),
    [
        ("WANDB_MODE", "dryrun", "offline"),
        ("WANDB_MODE", "disabled", "disabled"),
        ("WANDB_DISABLED", "true", "disabled"),
        ("WANDB_DISABLED", "false", "offline"),
    ],
)
def test_what_the_environment_says_is_obeyed(monkeypatch, name, value, mode):
    monkeypatch.delenv("WANDB_MODE", raising=False)
    monkeypatch.setenv(name, value)
    assert Wandb().mode == mode


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"project": "a/b"}, "'a/b' as its project"),
        ({"project": ""}, "'' as its project"),
        ({"project": "x" * 129}, "128 characters"),
        ({"entity": "me/you"}, "'me/you' as its entity"),
        ({"tags": ["fine", ""]}, "empty"),
        ({"tags": ["y" * 65]}, "65 characters"),
    ],
)
def test_what_wandb_would_refuse_is_refused_before_anything_is_done(given, told):
    with pytest.raises(ConfigError, match=told):
        Wandb(**given)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WANDB_BASE_URL", "localhost:8080"),
        ("WANDB_BASE_URL", "http://[::1"),
        ("WANDB_RUN_ID", "/"),
    ],
)
def test_a_variable_that_wandb_would_refuse_is_named(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=name):
        Wandb()


@pytest.mark.slow
def test_a_resumed_offline_run_goes_on_and_all_its_parts_are_named(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    run = RunInfo(tmp_path / "it's here", "name", "group", "abcd1234")
    run.folder.mkdir()
    for part in range(2):
        logger = Wandb()
        opened = logger.open(run)
        for epoch in range(3):
            opened.log_metrics({"valid/ndcg@10": 0.1, "epoch": 3 * part + epoch}, step=epoch)
        logger.finish({}, {}, failed=part == 0)
        time.sleep(1 - part)  # W&B names parts by the second
    [first, second] = parts_of(run.folder, run.run_id)
    assert soon(lambda: next_step(run.folder, run.run_id), 6)
    assert shlex.split(logger.hints()[0]) == ["wandb", "sync", str(first), str(second)]
    shutil.rmtree(second)
    assert next_step(run.folder, run.run_id) == 3


@pytest.mark.slow
def test_a_logger_that_fails_at_the_end_costs_no_result(place, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("seqrec.logger.none.NoLogger.finish", full)
    said = place.run(
        *("train.py", "data=synthetic", "data.n_users=60", "model=popularity", "logger=none")
    )
    assert "No space left on device" in said and "Traceback" not in said
    assert "hit_rate@" in said and len(place.runs()) == 1
