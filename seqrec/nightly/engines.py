"""Engines: what runs the parts of a job, here or on many machines.

Each takes the paths of a job, so a run or bundle, its data and the folder of the lists have to be
at the same paths on all machines (a shared file system), and seqrec has to be installed there.
"""

import logging
import multiprocessing
import os
import shutil
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from seqrec.errors import ConfigError, RunError, SeqrecError
from seqrec.home import PROJECT, install
from seqrec.nightly.job import Job, Part, make_part

THREADS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
SECONDS = 5.0  # for a cluster to answer
AT_ONCE = 256  # parts that wait in a cluster's queue


def check_engine(engine: str, *, workers: int, address: str | None) -> None:
    """Check what an engine needs, before anything is loaded.

    Raises:
        ConfigError: it is unknown, isn't installed, or no cluster answers at its address.
    """
    if engine not in ENGINES:
        raise ConfigError(f"engine={engine} is unknown", todo=f"choose {', '.join(ENGINES)}")
    if workers < 1:
        raise ConfigError(f"workers={workers}: must be at least 1", todo="workers=4, for example")
    if engine == "local":
        if address is not None:
            raise ConfigError("address= needs engine=ray or engine=spark", where="address")
        return
    package = {"ray": "ray", "spark": "pyspark"}[engine]
    if find_spec(package) is None:
        raise ConfigError(
            f"engine={engine} needs {package}, which isn't installed", todo=install(engine)
        )
    if engine == "spark" and not _java():
        raise ConfigError(
            "Spark needs Java, and there is none",
            where="JAVA_HOME",
            todo="install Java 17 or later, or set JAVA_HOME to its folder",
        )
    if address is not None:
        _check_answers(engine, address)


def on_processes(job: Job, numbers: list[int], workers: int, address: None) -> Iterator[Part]:
    """Make parts in this process, or in `workers` processes of one thread each."""
    if workers == 1:
        yield from (make_part(job, number) for number in numbers)
        return
    with _one_thread_each():
        pool = ProcessPoolExecutor(
            min(workers, len(numbers)), multiprocessing.get_context("spawn"), _settle
        )
        try:
            yield from _finished(lambda number: pool.submit(make_part, job, number), numbers)
        except BrokenProcessPool as error:
            raise RunError(
                "a worker was killed, perhaps because the memory is full",
                where=f"workers={workers}",
                todo="type the same command with fewer workers; it goes on with what is missing",
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)


def on_ray(job: Job, numbers: list[int], workers: int, address: str | None) -> Iterator[Part]:
    """Make parts as tasks of a Ray cluster, or of one on this machine with `workers` cores."""
    import ray

    with _one_thread_each():
        begun = not ray.is_initialized()
        if begun:
            here: dict[str, Any] = {"num_cpus": workers} if address is None else {}
            with _connecting(address, "Ray"):
                ray.init(
                    address=address or "local",
                    include_dashboard=None if address else False,
                    log_to_driver=False,
                    logging_level=logging.ERROR,
                    **here,
                )
        try:
            make = ray.remote(_attempt).options(num_cpus=1)
            waiting = [make.remote(job, number) for number in numbers]
            while waiting:
                done, waiting = ray.wait(waiting)
                yield from map(_part, ray.get(done))
        except ray.exceptions.RayError as error:
            raise _lost("Ray", error) from error
        finally:
            if begun:
                ray.shutdown()


def on_spark(job: Job, numbers: list[int], workers: int, address: str | None) -> Iterator[Part]:
    """Make parts as jobs of a Spark cluster, or of `workers` cores of this machine."""
    from py4j.protocol import Py4JError
    from pyspark.sql import SparkSession

    with _one_thread_each():
        begun = SparkSession.getActiveSession() is None
        builder = SparkSession.builder.master(address or f"local[{workers}]").appName("seqrec")
        for name, value in THREADS.items():
            builder = builder.config(f"spark.executorEnv.{name}", value)
        if address is None:
            os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
            builder = builder.config("spark.ui.enabled", "false")
            builder = builder.config("spark.driver.host", "127.0.0.1")
        with _connecting(address, "Spark"):
            context = builder.getOrCreate().sparkContext
        context.setLogLevel("OFF")

        def made(number: int) -> Any:
            return context.parallelize([number], 1).map(lambda at: _attempt(job, at)).collect()[0]

        pool = ThreadPoolExecutor(min(len(numbers), AT_ONCE))
        try:
            for part in _finished(lambda number: pool.submit(made, number), numbers):
                yield _part(part)
        except Py4JError as error:
            raise _lost("Spark", error) from error
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            context.cancelAllJobs()
            if begun:
                context.stop()


ENGINES: dict[str, Callable[..., Iterator[Part]]] = {
    "local": on_processes,
    "ray": on_ray,
    "spark": on_spark,
}


def _finished(submit: Callable[[int], Future], numbers: Iterable[int]) -> Iterator[Any]:
    """Yield results as they come."""
    for future in as_completed([submit(number) for number in numbers]):
        yield future.result()


def _attempt(job: Job, number: int) -> Part | SeqrecError:
    """Make a part; an error that a user can fix is a result, which no cluster tries again."""
    try:
        return make_part(job, number)
    except SeqrecError as error:
        return error


def _part(result: Part | SeqrecError) -> Part:
    if isinstance(result, SeqrecError):
        raise result
    return result


def _settle() -> None:
    """Let a worker end with the process that started it, and at Ctrl-C without a traceback."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    parent = multiprocessing.parent_process()

    def end() -> None:
        assert parent is not None
        parent.join()
        os._exit(1)

    threading.Thread(target=end, daemon=True).start()


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Let the processes that are started here find this package, and use one core each."""
    path = os.pathsep.join([str(PROJECT), *filter(None, [os.environ.get("PYTHONPATH")])])
    wanted = THREADS | {"PYTHONPATH": path}
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _java() -> bool:
    home = os.environ.get("JAVA_HOME")
    return (Path(home) / "bin" / "java").is_file() if home else shutil.which("java") is not None


def _check_answers(engine: str, address: str) -> None:
    """Refuse the address of a cluster where nothing listens."""
    parsed = urlsplit(address if "://" in address else f"//{address}")
    try:
        host, port = parsed.hostname, parsed.port
        if host and port:
            socket.create_connection((host, port), SECONDS).close()
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"no cluster answers at {address}: {error}",
            where="address",
            todo=f"start it first, or leave address= out: engine={engine} then uses this machine",
        ) from error


@contextmanager
def _connecting(address: str | None, name: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # each has a dozen kinds
        reason = str(error).strip().partition("\n")[0]
        raise ConfigError(
            f"{name} can't be started or reached: {reason}",
            where=f"address={address}" if address else None,
            todo="check the address and the versions on both sides, or use engine=local",
        ) from error


def _lost(name: str, error: Exception) -> RunError:
    reason = str(error).strip().partition("\n")[0]
    return RunError(
        f"{name} lost a part: {reason}",
        todo="see its logs; the same command goes on with what is missing. seqrec has to be "
        "installed on all machines, and all paths have to be there",
    )
