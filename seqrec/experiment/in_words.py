"""Errors of libraries that a user can do something about, in words."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from seqrec.errors import ConfigError, RunError
from seqrec.experiment.processes import first_has_ended
from seqrec.machine.process import rank

NO_MEMORY = re.compile(r"can't allocate memory|out of memory")
LOST = re.compile(r"by peer|Broken pipe|remote (worker|process)")  # Gloo's and NCCL's words


@contextmanager
def memory_in_words() -> Iterator[None]:
    """Say in words that a model or its batches are too large for this machine.

    Raises:
        ConfigError: memory can't be had.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        text = str(error).strip().partition("\n")[0]
        if not isinstance(error, MemoryError) and not NO_MEMORY.search(text):
            raise
        raise ConfigError(
            f"there isn't enough memory: {text}",
            where="dim, max_length, batch.size and the sizes of the components",
            todo="make one of them smaller",
        ) from error


@contextmanager
def peers_in_words() -> Iterator[None]:
    """Say in words that another process of the run has ended, which ends this one.

    One that Lightning started says nothing if the first one has ended: that has told why.

    Raises:
        RunError: the connection to it is lost.
    """
    try:
        yield
    except Exception as error:
        if first_has_ended():
            raise SystemExit(1) from error
        if not isinstance(error, RuntimeError) or not LOST.search(str(error)):
            raise
        raise RunError(
            "another process of this run has ended, so this one ends too",
            where=f"process {rank()}",
            todo="see what that one printed last; resume=FOLDER goes on from the last epoch",
        ) from error
