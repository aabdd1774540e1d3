"""One study in PostgreSQL: several processes, one of which is killed, and what a server refuses."""

import os
import re
from collections import Counter

import optuna
import pytest
from helpers import ROOT
from helpers.place import SMALL, Place
from helpers.postgres import PASSWORD, USER, free_port, server
from optuna.trial import TrialState

pytest.importorskip("psycopg")
pytestmark = pytest.mark.slow

TINY = (*SMALL, "trainer=cpu", "trainer.max_epochs=1", "max_length=12", "model=gru_attn")
GIVEN = (*TINY, "augment._target_=helpers.stopping.Stopping", "pruner=none", "heartbeat=1")
TRIALS = 5


@pytest.fixture(scope="module")
def address():
    with server() as (host, port):
        yield f"{host}:{port}"


@pytest.fixture
def place(tmp_path):
    place = Place(tmp_path)
    place.env["PYTHONPATH"] = os.pathsep.join([str(ROOT / "tests"), str(ROOT)])
    (tmp_path / "small.yaml").write_text("optimizer.lr: {low: 1e-3, high: 1e-1, log: true}")
    return place


def given(place, url: str, *more: str) -> list[str]:
    where = (f"space={place.folder / 'small.yaml'}", f"paths.output_dir={place.outputs}")
    return [*where, *GIVEN, f"storage={url}", f"trials={TRIALS}", *more]


def test_four_processes_end_with_the_trials_asked_for_though_one_is_killed(place, address):
    url = f"postgresql://{USER}:{PASSWORD}@{address}/postgres"
    typed, killed = given(place, url), Place(place.folder)
    killed.env = place.env | {"STOP_AT": "2", "STOP_WITH": "9"}
    dying = killed.start("scripts/tune.py", *typed)
    while not dying.stdout.readline().startswith("study"):
        pass  # it is ready for its first trial before the others begin
    others = [place.start("scripts/tune.py", *typed) for _ in range(3)]
    assert dying.end()[0] == -9
    ended = [each.end() for each in others]
    assert [status for status, _ in ended] == [0, 0, 0], ended

    storage = optuna.storages.RDBStorage(url.replace(":", "+psycopg:", 1))
    study = optuna.load_study(study_name=None, storage=storage)
    states = Counter(trial.state for trial in study.trials)
    assert states == {TrialState.COMPLETE: TRIALS, TrialState.FAIL: 1}
    [dead] = study.get_trials(states=(TrialState.FAIL,))
    again = [trial for trial in study.trials if trial.params == dead.params]
    assert sorted(trial.state.name for trial in again) == ["COMPLETE", "FAIL"]
    best = f"{study.best_value:.4f}, trial {study.best_trial.number}"
    tables = {said[said.index("best trials") :].partition("\nbest ")[0] for _, said in ended}
    assert len(tables) == 1 and all(best in said for _, said in ended)
    storage.engine.dispose()
    assert not any(PASSWORD in said for _, said in ended)
    files = [file for file in place.outputs.rglob("*") if file.is_file()]
    assert files and not any(PASSWORD.encode() in file.read_bytes() for file in files)

    said = place.run_apart("scripts/tune.py", *typed, "seed=8", status=1)
    assert "was started with another configuration" in said and PASSWORD not in said


@pytest.mark.parametrize(
    ("user", "host", "database", "told"),
    [
        (f"{USER}:{PASSWORD}", None, "postgres", "(?i)refused(.|\n)*start the server"),
        (f"{USER}:wr0ng", "right", "postgres", "password(.|\n)*PGPASSWORD"),
        (f"{USER}:{PASSWORD}", "right", "missing", "does not exist(.|\n)*createdb"),
    ],
)
def test_what_a_server_refuses_is_told_without_the_password(
    place, address, user, host, database, told
):
    address = address if host else f"127.0.0.1:{free_port()}"
    said = place.run(
        "scripts/tune.py", *given(place, f"postgresql+psycopg://{user}@{address}/{database}"),
        status=2,
    )  # fmt: skip
    password = user.partition(":")[2]
    assert f"storage=postgresql+psycopg://{USER}:***@{address}/{database}" in said
    assert password not in said and "Traceback" not in said
    assert re.search(told, said), said
