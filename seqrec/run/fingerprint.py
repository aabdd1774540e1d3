"""Fingerprints of runs: a sweep doesn't train a job again if an equal run exists."""

import hashlib
import json
from pathlib import Path
from typing import Any

from seqrec.config.check.components import components
from seqrec.config.meaning import Meaning, values_of
from seqrec.config.schema import Root, is_trained
from seqrec.config.typed import plain_values
from seqrec.disk.manifest import sha256_of
from seqrec.run.checkpoints import checkpoints_of
from seqrec.run.code import code_hash
from seqrec.run.folder import RunFolder
from seqrec.store.store import SequenceStore

RUNS = ("*/*/*/run.json", "*/sweeps/*/*/run.json")  # below the folder of all runs


def fingerprint(root: Root, store: SequenceStore) -> str:
    """Compute a hash that is equal for two runs with the same configuration, data and code.

    Only keys that results depend on count; the hashes of the data stand for its files, and those of
    weights for the runs that begin, teach or make up this one. Code is the
    source of this package and of the user's own components; libraries and machine aren't part of it
    (a run's ``run.json`` has them).

    Raises:
        RunError: a run that it names isn't there.
    """
    config = plain_values(root)
    runs = [
        sha256_of(RunFolder.open(Path(place).expanduser()).best) for place in named_runs(config)
    ]
    targets = tuple(sorted({node["_target_"] for _, node in components(config)}))
    facts = [
        values_of(config),
        store.data_hash,
        store.items_hash,
        store.users_hash,
        code_hash(targets),
        *runs,
    ]
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()


def named_runs(config: dict[str, Any]) -> list[str]:
    """Return the folders of the runs that a plain configuration names, in the order of its keys."""
    found = values_of(config, (Meaning.RUN,)).values()
    return [
        place for each in found for place in (each if isinstance(each, list) else [each]) if place
    ]


def find_same(root: Root, store: SequenceStore) -> RunFolder | None:
    """Find a run of the same fingerprint below ``paths.output_dir``.

    Returns the latest finished run, else the latest with a checkpoint to resume from, else None.
    """
    wanted = fingerprint(root, store)
    output = Path(root.paths.output_dir)
    files = {path for pattern in RUNS for path in output.glob(pattern)}
    same = [RunFolder(path.parent) for path in files if wanted.encode() in path.read_bytes()]
    useful = [run for run in same if run.finished or _is_begun(run, root)]
    return max(useful, key=lambda run: (run.finished, run.last_change), default=None)


def _is_begun(run: RunFolder, root: Root) -> bool:
    """Return whether training left a checkpoint; counting leaves none to go on from."""
    return is_trained(root) and bool(checkpoints_of(run.path))
