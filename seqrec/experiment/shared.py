"""What the first process finds out about all shards, for the others, which read only their own.

With ``batch.shuffle=shards``, the first process splits the data and counts its training events. It
leaves what it found in the run's folder, which all processes see, and the others read it there.
"""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch.distributed

from seqrec.build import Counted, count, facts_of
from seqrec.config.make import make
from seqrec.config.schema import Root, Shuffle, is_trained
from seqrec.disk.write import replacing, telling
from seqrec.errors import ConfigError
from seqrec.experiment.assemble import reads_events
from seqrec.facts import EventFacts, Facts
from seqrec.machine.process import is_first_process
from seqrec.store.store import SequenceStore
from seqrec.store.views import Splits, View

FOLDER, TOLD = "shared", "found.json"
VIEWS = ("train", "valid", "test", "learned")
AXES = ("user", "start", "end")


def reads_own_shards(config: Root) -> bool:
    """Return whether this process reads only its own shards, and not all as the first one does."""
    return config.batch.shuffle is Shuffle.shards and not is_first_process()


def split_and_count(
    config: Root, store: SequenceStore, run_dir: Path
) -> tuple[Splits | None, Facts | None]:
    """Split a store and count its training events, or read what the first process found.

    Args:
        config: the configuration.
        store: the sequences.
        run_dir: the run's folder.

    Returns:
        Both, or None where each process does this by itself.

    Raises:
        DataError: the split leaves nothing to train or evaluate on.
        WriteError: what was found can't be written.
    """
    if config.batch.shuffle is not Shuffle.shards or not is_trained(config):
        return None, None
    folder = run_dir / FOLDER
    if is_first_process():
        splits = make(config.split)(store)
        counted = count(store, splits, events=reads_events(config))
        _write(folder, splits, counted)
        _wait()
    else:
        _wait()
        splits, counted = _read(folder)
    return splits, facts_of(store, splits, counted)


@contextmanager
def forgetting(run_dir: Path) -> Iterator[None]:
    """Remove what was found when the run ends, however it does."""
    try:
        yield
    finally:
        if is_first_process():
            shutil.rmtree(run_dir / FOLDER, ignore_errors=True)


def check_shards(config: Root, store: SequenceStore, splits: Splits, world: int) -> None:
    """Check that every process that has shards has users to train on and events to evaluate.

    Args:
        config: the configuration.
        store: the sequences.
        splits: of the store.
        world: processes that share its shards.

    Raises:
        ConfigError: one would have nothing to do, or no shard.
    """
    if config.batch.shuffle is not Shuffle.shards or world == 1:
        return
    bounds = store.users_of_shares(world)
    long = splits.train.take(splits.train.end - splits.train.start > 1)
    for name, view in (("training", long), ("validation", splits.valid), ("test", splits.test)):
        if not np.histogram(view.user, bounds)[0].all():
            raise ConfigError(
                f"the shards of one of {world} processes have no {name} sequence",
                where="batch.shuffle=shards",
                todo="use fewer processes, a split that holds out more users, or batch.shuffle=all",
            )


def _wait() -> None:
    """Wait for all processes, if a launcher started them together.

    Lightning starts the others only when the first one has come to training.
    """
    if torch.distributed.is_initialized():
        torch.distributed.barrier()


def _write(folder: Path, splits: Splits, counted: Counted) -> None:
    told: dict[str, Any] = {
        "protocol": splits.protocol,
        "report": splits.report,
        "cut": splits.cut,
        "notes": splits.notes,
        "rating_mean": counted.rating_mean,
        "events": {name: vars(column) for name, column in counted.events.items()},
    }
    arrays = {"item_count_V": counted.item_count_V, "candidate_V": splits.candidate_V}
    for name in VIEWS:
        if (view := getattr(splits, name)) is not None:
            arrays |= {f"{name}.{axis}": getattr(view, axis) for axis in AXES}
    with telling(folder):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name, values in arrays.items():
            if values is not None:
                np.save(folder / f"{name}.npy", values)
        with replacing(folder / TOLD) as part:
            part.write_text(json.dumps(told, default=_plain))


def _plain(value: Any) -> Any:
    return value.item()  # a number of numpy


def _read(folder: Path) -> tuple[Splits, Counted]:
    told = json.loads((folder / TOLD).read_text())

    def view(name: str) -> View | None:
        user, start, end = (_array(folder, f"{name}.{axis}") for axis in AXES)
        return None if user is None or start is None or end is None else View(user, start, end)

    views: dict[str, Any] = {name: view(name) for name in VIEWS}
    candidate_V = _array(folder, "candidate_V")
    splits = Splits(
        **views,
        candidate_V=None if candidate_V is None else np.array(candidate_V),
        protocol=told["protocol"],
        report=told["report"],
        cut=told["cut"],
        notes=tuple(told["notes"]),
    )
    events = {name: EventFacts(**column) for name, column in told["events"].items()}
    return splits, Counted(np.array(_array(folder, "item_count_V")), told["rating_mean"], events)


def _array(folder: Path, name: str) -> np.ndarray | None:
    path = folder / f"{name}.npy"
    return np.load(path, mmap_mode="r") if path.is_file() else None
