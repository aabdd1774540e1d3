"""A Spark session: checked for before anything is read, started, and ended with its JVM."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from seqrec.config.schema import Spark
from seqrec.errors import ConfigError, DataError, SeqrecError
from seqrec.home import install

JAVA = 17  # the oldest that Spark 4 runs on
INSTALL = "install it (on Debian: apt install openjdk-17-jre-headless) and set JAVA_HOME, if it has"
DEFAULTS = {
    "spark.app.name": "seqrec prepare",
    "spark.log.level": "ERROR",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}
LOCAL = {
    "spark.driver.host": "localhost",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.sql.shuffle.partitions": str(4 * (os.cpu_count() or 1)),  # 200 are for a cluster
}
OWN = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.caseSensitive": "true",
    "spark.sql.adaptive.maxShuffledHashJoinLocalMapThreshold": "32m",  # ids needn't be sorted
}
CONNECTORS = {  # what names a missing one -> its package
    "S3AFileSystem": "org.apache.hadoop:hadoop-aws:{hadoop}",
    'scheme "gs"': "com.google.cloud.bigdataoss:gcs-connector:hadoop3-2.2.26",
}


def check_spark() -> None:
    """Check that pyspark and Java are there; nothing is imported or started.

    Raises:
        ConfigError: pyspark is missing, or Java is missing or too old.
    """
    if find_spec("pyspark") is None:
        raise ConfigError(
            "prepare.engine=spark needs pyspark",
            where="prepare.engine",
            todo=f"{install('spark')}, or set prepare.engine=polars",
        )
    home = os.environ.get("JAVA_HOME")
    java = shutil.which(Path(home, "bin", "java") if home else "java")
    if java is None:
        raise ConfigError(
            f"prepare.engine=spark needs Java {JAVA} or later, and "
            + (f"JAVA_HOME={home} has no bin/java" if home else "there is no java"),
            where="prepare.engine",
            todo=f"{INSTALL} a place of its own; or set prepare.engine=polars",
        )
    told = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(?:1\.)?(\d+)', told)
    if version is None or int(version[1]) < JAVA:
        found = version[1] if version else told.strip().partition("\n")[0] or "of no known version"
        raise ConfigError(
            f"prepare.engine=spark needs Java {JAVA} or later, and {java} is Java {found}",
            where="prepare.engine",
            todo=f"{INSTALL} a place of its own; or set prepare.engine=polars",
        )


@contextmanager
def session(settings: Spark, scratch: Path) -> Iterator[Any]:
    """Yield a ``SparkSession``: of the Spark that is active and stays so, or of one of its own.

    Args:
        settings: where Spark runs.
        scratch: folder for what a Spark on this machine can't hold in memory.

    Raises:
        DataError: Spark can't be started, or a job of it failed.
    """
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    started = None
    try:
        running = SparkSession.getActiveSession() or (started := _started(settings, scratch))
        own = running.newSession()
        for key, value in OWN.items():
            own.conf.set(key, value)
        yield own
    except (Py4JError, PySparkException) as error:
        raise in_words(error, settings) from error
    finally:
        if started is not None:
            _end(started)


def _started(settings: Spark, scratch: Path) -> Any:
    from pyspark.sql import SparkSession

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    conf = dict(DEFAULTS)
    if settings.master.startswith("local"):
        conf |= LOCAL | {"spark.local.dir": str(scratch)}
    conf |= _own_conf(settings.conf)
    builder = SparkSession.builder.master(settings.master)
    for key, value in conf.items():
        builder = builder.config(key, value)
    return builder.getOrCreate()


def _own_conf(lines: Sequence[str]) -> dict[str, str]:
    """Return Spark's settings by their keys.

    Raises:
        ConfigError: one isn't written as ``spark.key=value``.
    """
    pairs = [line.partition("=") for line in lines]
    wrong = [line for line, (key, sign, _) in zip(lines, pairs, strict=True)
             if not (sign and key.startswith("spark."))]  # fmt: skip
    if wrong:
        raise ConfigError(
            f"{wrong[0]!r} is no setting of Spark",
            where="prepare.spark.conf",
            todo="write 'prepare.spark.conf=[\"spark.driver.memory=8g\"]', say",
        )
    return {key: value for key, _, value in pairs}


def _end(session: Any) -> None:
    """End a session and its JVM, whose memory is then free for training."""
    from pyspark import SparkContext

    gateway = SparkContext._gateway
    session.stop()
    if gateway is not None:
        gateway.shutdown()
        gateway.proc.stdin.close()
        gateway.proc.wait()
    SparkContext._gateway = SparkContext._jvm = None


def in_words(error: Exception, settings: Spark) -> SeqrecError:
    """Say what an error of Spark means, and what to do."""
    text = str(error)
    if "No space left on device" in text:
        return DataError(
            "the disk is full: the dataset could not be prepared on Spark",
            where="the folder of prepared datasets, or spark.local.dir of an executor",
            todo="free some space, or set paths.cache_dir to another disk, or "
            "'prepare.spark.conf=[\"spark.local.dir=FOLDER\"]'",
        )
    for sign, package in CONNECTORS.items():
        if sign in text:
            return _unconnected(package)
    if "CANNOT_MERGE_SCHEMA" in text or "header does not conform" in text:
        return DataError(
            f"the files have different columns, or types: {_cause(text)}",
            where="data.path",
            todo="give all files the same columns, or name those that have them by a pattern",
        )
    if "JAVA_GATEWAY_EXITED" in text:
        return ConfigError(
            "Java didn't start Spark; it says why above",
            where="prepare.spark",
            todo="correct prepare.spark.conf (memory, say), or set prepare.engine=polars",
        )
    if "OutOfMemoryError" in text:
        return DataError(
            "Spark ran out of memory",
            where=f"prepare.spark.master={settings.master}",
            todo="set 'prepare.spark.conf=[\"spark.driver.memory=8g\"]' or, on a cluster, "
            "spark.executor.memory; by default each has 1g",
        )
    return DataError(
        f"preparing on Spark failed: {_cause(text)}",
        where=f"prepare.spark.master={settings.master}",
        todo="correct what it names, or set prepare.engine=polars",
    )


def _unconnected(package: str) -> ConfigError:
    import pyspark

    [jar] = Path(pyspark.__path__[0], "jars").glob("hadoop-client-api-*.jar")
    named = package.format(hadoop=jar.stem.rpartition("-")[2])
    return ConfigError(
        "Spark lacks what reads this object store",
        where="data.path",
        todo=f"set 'prepare.spark.conf=[\"spark.jars.packages={named}\"]' or, without a network, "
        "spark.jars to its jars",
    )


def _cause(text: str) -> str:
    """Return the innermost reason that an error of Spark names."""
    lines = [line.strip(": ") for line in text.splitlines() if line.strip(": ")]
    lines = [line for line in lines if not line.startswith("An error occurred while calling")]
    causes = [line for line in lines if line.startswith("Caused by:")]
    return (causes or lines or ["unknown"])[-1 if causes else 0].removeprefix("Caused by: ")[:300]
