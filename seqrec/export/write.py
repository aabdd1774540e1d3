"""A bundle written whole or not at all, beside its place, and renamed once."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from seqrec import __version__
from seqrec.bundle.manifest import FILES, SCHEMA
from seqrec.catalogue import ROUNDING
from seqrec.disk.manifest import MANIFEST, entry_of
from seqrec.disk.write import telling, write_file
from seqrec.errors import ConfigError
from seqrec.machine.writable import check_folder
from seqrec.recommend.recommender import Recommender
from seqrec.run.folder import RunFolder

AXES = {"item": ["batch", "length"], "length": ["batch"], "user": ["batch"], "asked": ["batch"]}
PACKAGES = ("torch", "onnx", "onnxruntime", "numpy")


@contextmanager
def whole(out: Path) -> Iterator[Path]:
    """Yield a folder beside `out` to write to; when it is written, it is renamed to `out`.

    If writing fails, nothing is left.

    Raises:
        WriteError: it can't be written.
    """
    with telling(out):
        out.absolute().parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=f"{out.name}.", suffix=".part", dir=out.parent))
        try:
            yield part
            part.chmod(0o777 & ~_umask())
            part.rename(out)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise


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


def write_manifest(
    folder: Path,
    run: RunFolder,
    recommender: Recommender,
    *,
    kind: str,
    inputs: Sequence[str],
    context: dict[str, Any],
) -> None:
    """Write the manifest of all files in a bundle, which makes it one.

    Args:
        folder: the bundle.
        run: the run that it is made of.
        recommender: the run, loaded.
        kind: the format of the model.
        inputs: names of its inputs.
        context: what ``context.json`` holds.
    """
    about, model = run.about(), recommender.model
    facts = about["facts"]
    ranges = {
        "item": [0, facts["n_items"]],
        "length": [1, recommender.config.max_length],
        "user": [-1, facts.get("n_users", 0) - 1],
    }
    content = {
        "schema": SCHEMA,
        "format": kind,
        "run": {key: about.get(key) for key in ("name", "run_id", "fingerprint", "command")},
        "data": {"name": about.get("store"), "hash": about["data_hash"]},
        "versions": {"seqrec": __version__, **{name: version(name) for name in PACKAGES}},
        "inputs": [_input(name, ranges, context) for name in inputs],
        "outputs": [
            {"name": "query", "dtype": "float32", "axes": ["batch", recommender.config.dim]},
            {"name": "attention", "dtype": "float32", "axes": ["batch", "length"]},
        ],
        "wanted": list(model.wanted),
        "max_length": recommender.config.max_length,
        "dim": recommender.catalogue.table_VD.shape[1],  # type: ignore[attr-defined]
        "n_items": facts["n_items"],
        "n_users": facts.get("n_users", 0),
        "rounding": ROUNDING,
        "mask_seen": recommender.policy.mask_seen,
    }
    seal(folder, content)


def seal(folder: Path, content: dict[str, Any]) -> None:
    """Write a manifest with size and hashes of each file of the folder."""
    files = {name: entry_of(folder / name) for name in sorted(FILES) if (folder / name).is_file()}
    write_file(folder / MANIFEST, json.dumps(content | {"files": files}, indent=1) + "\n")


def _input(name: str, ranges: dict[str, list[int]], context: dict[str, Any]) -> dict[str, Any]:
    column = context.get(name.removeprefix("event.")) if name.startswith("event.") else None
    number = column is not None and "mean" in column
    dtype, found = "float32" if number else "int64", ranges.get(name)
    if column and "categories" in column:
        found = [0, len(column["categories"])]
    return {
        "name": name,
        "dtype": dtype,
        "axes": AXES.get(name, ["batch", "length"]),
        "range": found,
    }


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
