"""Preparing on a Spark cluster gives what preparing on this machine gives, whoever is killed."""

import os
import signal
import socket
import subprocess
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
