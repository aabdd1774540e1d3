"""A bundle written whole or not at all, beside its place, and renamed once."""

import glob
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from seqrec import __version__
from seqrec.bundle.manifest import FILES, SCHEMA
from seqrec.catalogue import ROUNDING, Catalogue
from seqrec.disk.held import clear_left, held
from seqrec.disk.manifest import MANIFEST, entry_of
from seqrec.disk.writable import check_folder
from seqrec.disk.write import telling, write_file
from seqrec.errors import ConfigError
from seqrec.recommend.recommender import Recommender
from seqrec.run.audited import read_audit
from seqrec.run.folder import RunFolder
from seqrec.terminal.say import say

AXES = {"item": ["batch", "length"], "length": ["batch"], "user": ["batch"], "asked": ["batch"]}
PACKAGES = ("torch", "onnx", "onnxruntime", "numpy")


@contextmanager
def whole(out: Path) -> Iterator[Path]:
    """Yield a folder beside `out` to write to; when it is written, it is renamed to `out`.

    If writing fails, nothing is left, and what a killed process left is removed.

    Raises:
        WriteError: it can't be written.
    """
    with telling(out), ExitStack() as stack:
        out.absolute().parent.mkdir(parents=True, exist_ok=True)
        for left in clear_left(out.parent, f"{glob.escape(out.name)}.*.part"):
            say(f"removed  {left}: of an export that was killed")
        part = stack.enter_context(_part(out))
        try:
            yield part
            part.chmod(0o777 & ~_umask())
            part.rename(out)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise


@contextmanager
def _part(out: Path) -> Iterator[Path]:
    """Make a folder beside `out` and hold it, before another process can take it for left."""
    while True:
        part = Path(tempfile.mkdtemp(prefix=f"{out.name}.", suffix=".part", dir=out.parent))
        with held(part) as mine:
            if mine:
                yield part
                return


def check_out(out: Path) -> None:
    """Refuse to write where something is, or where nothing can be written.

    Raises:
        ConfigError: so it is.
    """
    if out.exists():
        raise ConfigError(
            f"out={out} exists, and a bundle is never written over",
            where="out",
            todo="name another folder, or remove this one first",
        )
    check_folder(out.absolute().parent, key="out")


@dataclass(frozen=True)
class Described:
    """What a manifest tells of a model beside its files."""

    run: dict[str, Any]
    data: dict[str, Any]
    n_items: int
    n_users: int
    dim: int
    max_length: int
    mask_seen: bool
    wanted: tuple[str, ...] = ()
    fidelity: dict[str, Any] = field(default_factory=dict)  # of a server's explanations
    context: dict[str, Any] = field(default_factory=dict)  # what context.json holds

    @classmethod
    def of(
        cls, folder: RunFolder, recommender: Recommender, context: dict[str, Any]
    ) -> "Described":
        """Describe a run whose catalogue is a table of vectors."""
        about, catalogue = folder.about(), recommender.catalogue
        assert isinstance(catalogue, Catalogue)
        return cls(
            run={key: about.get(key) for key in ("name", "run_id", "fingerprint", "command")},
            data={"name": about.get("store"), "hash": about["data_hash"]},
            n_items=len(catalogue) - 1,
            n_users=about["facts"].get("n_users", 0),
            dim=catalogue.table_VD.shape[1],
            max_length=recommender.config.max_length,
            mask_seen=recommender.policy.mask_seen,
            wanted=recommender.model.wanted,
            fidelity=_fidelity(folder),
            context=context,
        )


def write_manifest(folder: Path, told: Described, *, kind: str, inputs: Sequence[str]) -> None:
    """Write the manifest of all files in a bundle, which makes it one.

    Args:
        folder: the bundle.
        told: what the model is.
        kind: the format of the model.
        inputs: names of its inputs.
    """
    facts = {key: value for key, value in vars(told).items() if key != "context"}
    content = {
        "schema": SCHEMA,
        "format": kind,
        "versions": {"seqrec": __version__, **{name: version(name) for name in PACKAGES}},
        "rounding": ROUNDING,
        "inputs": [_input(name, told) for name in inputs],
        "outputs": [
            {"name": "query", "dtype": "float32", "axes": ["batch", told.dim]},
            {"name": "attention", "dtype": "float32", "axes": ["batch", "length"]},
        ],
    }
    files = {name: entry_of(folder / name) for name in sorted(FILES) if (folder / name).is_file()}
    write_file(folder / MANIFEST, json.dumps(content | facts | {"files": files}, indent=1) + "\n")


def _fidelity(folder: RunFolder) -> dict[str, Any]:
    """Return what an audit of the run found of the method that a server explains by, or nothing.

    A server takes each event away and moves the later ones up.
    """
    found = read_audit(folder).fidelity("leave_one_out", {"game": "delete"})
    return {} if "why" in found else found


def _input(name: str, told: Described) -> dict[str, Any]:
    """Return type, axes and range of an input; the range is None where any value is."""
    column = told.context.get(name.removeprefix("event."), {})
    ranges = {
        "item": [0, told.n_items],
        "length": [1, told.max_length],
        "user": [-1, told.n_users - 1],
    }
    if "categories" in column:
        ranges[name] = [0, len(column["categories"])]
    return {
        "name": name,
        "dtype": "float32" if "mean" in column else "int64",
        "axes": AXES.get(name, ["batch", "length"]),
        "range": ranges.get(name),
    }


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
