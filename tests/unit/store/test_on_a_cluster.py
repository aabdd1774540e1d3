"""Preparing on a Spark cluster gives what preparing on this machine gives, whoever is killed."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from helpers import ROOT
from helpers.on_spark import JVM, SMALL, events, here, needs_spark, told

from seqrec.config.schema import Engine, Prepare, Spark
from seqrec.data.files import Files
from seqrec.store.prepare import _build


@contextmanager
def cluster(folder: Path):
    """A master and two workers on this machine; yields its URL and the workers."""
    from pyspark.find_spark_home import _find_spark_home

    home = _find_spark_home()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    java = Path(os.environ["JAVA_HOME"], "bin/java") if "JAVA_HOME" in os.environ else "java"
    opens = [f"--add-opens=java.base/{p}=ALL-UNNAMED" for p in ("java.nio", "sun.nio.ch")]
    run = [str(java), "-Xmx256m", *opens, "-cp", f"{home}/jars/*"]
    deploy = "org.apache.spark.deploy"
    url = f"spark://127.0.0.1:{port}"
    place = ["--host", "127.0.0.1", "--webui-port", "0"]
    each = ["--cores", "1", "--memory", "1g", "--work-dir", str(folder / "work")]
    commands = [
        [*run, f"{deploy}.master.Master", *place, "--port", port],
        *2 * [[*run, f"{deploy}.worker.Worker", *place, *each, url]],
    ]
    env = os.environ | {"SPARK_HOME": home, "SPARK_SCALA_VERSION": "2.13", "PYTHONPATH": str(ROOT)}
    env["JAVA_TOOL_OPTIONS"] = JVM
    with (folder / "cluster.log").open("wb") as log:
        started = [
            subprocess.Popen(c, env=env, stdout=log, stderr=log, start_new_session=True)
            for c in commands
        ]
    try:
        yield url, started[1:]
    finally:
        for process in started:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@needs_spark
@pytest.mark.slow
def test_a_cluster_of_two_makes_the_same_even_if_one_of_them_is_killed(tmp_path, monkeypatch):
    events(0, 5000).drop("_row_", "c1").write_parquet(tmp_path / "events.parquet")
    source = Files(
        path=f"{tmp_path}/events.parquet",
        user="user",
        item="item",
        time_unit="ms",
        max_bad_rows=1.0,
    )
    one = here(source, Prepare(), tmp_path)
    conf = [*SMALL, "spark.executor.memory=512m", "spark.driver.host=127.0.0.1"]
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", JVM)
    built = threading.Event()
    with cluster(tmp_path) as (url, workers):

        def kill():  # it and its executor, in the middle
            while not built.is_set() and not [*tmp_path.glob("there.building.spark/*/_SUCCESS")]:
                time.sleep(0.05)
            killed.append(not built.is_set())
            os.killpg(workers[0].pid, signal.SIGKILL)

        killed: list[bool] = []
        killer = threading.Thread(target=kill)
        killer.start()
        try:
            there = replace(Prepare(), engine=Engine.spark, spark=Spark(url, conf))
            _build(source, there, tmp_path / "there")
        finally:
            built.set()
            killer.join()
    assert killed == [True]
    assert told(tmp_path / "there") == one


@needs_spark
@pytest.mark.slow
def test_of_two_jobs_at_once_one_prepares_and_the_other_opens_what_it_made(tmp_path):
    events(0).drop("_row_", "c1").write_parquet(tmp_path / "events.parquet")
    files = {"path": f"{tmp_path}/events.parquet", "user": "user", "item": "item"}
    files |= {"time_unit": "ms", "max_bad_rows": 1.0}
    script = (
        "import sys; from seqrec.data.files import Files\n"
        "from seqrec.config.schema import Engine, Prepare, Spark\n"
        "from seqrec.store.prepare import prepare\n"
        f"spark = Spark('local[1]', {[*SMALL, f'spark.driver.extraJavaOptions={JVM}']!r})\n"
        "steps = Prepare(engine=Engine.spark, spark=spark, shards=3)\n"
        f"store = prepare(Files(**{files!r}), steps, sys.argv[1])\n"
        "store.verify(); print(store.data_hash)\n"
    )
    cache, env = tmp_path / "cache", os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", script, str(cache)]
    both = [subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [job.communicate(timeout=240)[0] for job in both]
    one = here(Files(**files), Prepare(shards=3), tmp_path)
    assert [job.returncode for job in both] == [0, 0]
    assert said == [f"{one['data_hash']}\n"] * 2
    [folder] = (path for path in cache.iterdir() if path.is_dir())  # nothing on the way is left
    assert told(folder) == one
