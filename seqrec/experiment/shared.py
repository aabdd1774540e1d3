"""What the processes of a run find out together, each about its own shards of the data.

With ``batch.shuffle=shards``, each process splits and counts its own shards. Counts are added up;
the stretches of all processes are joined as files in the run's folder, which all of them see.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from seqrec.build import count, facts_of
from seqrec.config.make import locate, make
from seqrec.config.schema import Root, Shuffle, is_trained
from seqrec.disk.write import telling
from seqrec.errors import ConfigError
from seqrec.experiment.assemble import reads_events
from seqrec.experiment.peers import meet, processes_of
from seqrec.facts import Facts
from seqrec.machine.process import is_first_process
from seqrec.store.blocks import Blocks, parts_of
from seqrec.store.store import SequenceStore
from seqrec.store.views import Splits, View

FOLDER = "shared"
VIEWS = ("train", "valid", "test")
AXES = ("user", "start", "end")


def shared_out(config: Root, store: SequenceStore) -> SequenceStore:
    """Return a store as this process has it: with ``batch.shuffle=shards``, its own share alone.

    Raises:
        ConfigError: there are fewer shards than processes, or the split needs all of them at once.
    """
    if config.batch.shuffle is not Shuffle.shards or not is_trained(config):
        return store
    world, split = processes_of(config.trainer), locate(config.split)
    if world == 1:
        return store
    if not getattr(split, "takes_shares", False):
        raise ConfigError(
            f"split={split.__name__} can't be made by processes that each have some users alone",
            where="batch.shuffle=shards",
            todo="use batch.shuffle=all, or one process",
        )
    store.users_of_shares(world)  # refuses too many processes before they start
    return store.shared_by(meet(config.trainer))


def split_and_count(
    config: Root, store: SequenceStore, run_dir: Path
) -> tuple[Splits | None, Facts | None]:
    """Split a store and count its training events, each process its own share.

    Args:
        config: the configuration.
        store: the sequences.
        run_dir: the run's folder.

    Returns:
        Both of the whole store; None where one process does this by itself.

    Raises:
        DataError: the split leaves nothing to train or evaluate on.
        WriteError: what was found can't be written.
    """
    if store.peers.world == 1:
        return None, None
    own = make(config.split)(store.own)
    counted = count(store.own, own, events=reads_events(config))
    splits = _joined(run_dir / FOLDER, store.own, own)
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


def _joined(folder: Path, share: SequenceStore, own: Splits) -> Splits:
    """Return the splits of all shares, in the order of users, whose stretches lie in files."""
    peers = share.peers
    parts = [folder / str(rank) for rank in range(peers.world)]
    with telling(folder):
        if peers.rank == 0:
            shutil.rmtree(folder, ignore_errors=True)  # of a process that was killed
            folder.mkdir(parents=True)
        peers.gather(None)  # waits for all
        parts[peers.rank].mkdir()
        for name in VIEWS:
            view = getattr(own, name)
            first = {"user": share.first_user, "start": share.first_event, "end": share.first_event}
            for axis in AXES:
                values = np.asarray(getattr(view, axis) + first[axis], dtype="<i8")
                np.save(parts[peers.rank] / f"{name}.{axis}.npy", values)
        lengths = peers.gather({name: len(getattr(own, name)) for name in VIEWS})
        if peers.rank == 0:
            for file in (f"{name}.{axis}.npy" for name in VIEWS for axis in AXES):
                whole = sum(each[file.partition(".")[0]] for each in lengths)
                blocks = (block for part in parts for block in parts_of(part / file))
                Blocks(whole, blocks, "<i8").save(folder / file)
            for part in parts:
                shutil.rmtree(part)
        peers.gather(None)  # waits for all
        train, valid, test = (
            View(*(np.load(folder / f"{name}.{axis}.npy", mmap_mode="r") for axis in AXES))
            for name in VIEWS
        )
    return replace(own, train=train, valid=valid, test=test)
