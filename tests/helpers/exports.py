"""Bundles that tests share, and captures without the seconds that imports take.

``exported("default")`` was captured by the command itself, in an interpreter of its own. What tests
export besides is captured in a fork of a process that has captured nothing either.
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

from filelock import FileLock

from helpers.apart import ready
from helpers.finished import Shared


@dataclass(frozen=True)
class Exported:
    """The bundle of a shared run; nobody may change it.

    Args:
        folder: the bundle.
        said: what exporting it printed.
    """

    folder: Path
    said: str

    def check(self) -> None:
        """Hold the files to the hashes of the manifest."""
        from seqrec.bundle import Bundle

        Bundle.open(self.folder, full=True)


def shared_bundle(shared: Shared) -> Exported:
    """The bundle of a finished run, exported if it isn't there yet."""
    place, run = shared.place, shared.run
    out, said = place.folder / "bundle", place.folder / "exported.txt"
    with FileLock(place.folder / "bundle.lock"):
        if not said.exists():
            said.write_text(place.run_apart("scripts/export.py", f"run={run}", f"out={out}"))
    return Exported(out, said.read_text())


def captures_in_forks() -> AbstractContextManager:
    """Return a context in which exports of this process capture a model in a fork."""
    forks = SimpleNamespace(get_context=lambda _: ready())
    return mock.patch("seqrec.export.child.multiprocessing", forks)
