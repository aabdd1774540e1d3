"""A finished run that another run is made of, begins with, or learns from."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqrec.config.schema import Root
from seqrec.config.trust import Trust
from seqrec.config.typed import plain_values
from seqrec.ensemble.model import AnyModel
from seqrec.errors import RunError
from seqrec.recommend.load import parts_of
from seqrec.run.folder import RunFolder
from seqrec.store.store import SequenceStore


@dataclass(frozen=True)
class Finished:
    """A finished run, with its weights.

    Args:
        folder: where it lies.
        config: its configuration.
        about: its ``run.json``.
        model: with its best weights.
    """

    folder: RunFolder
    config: Root
    about: dict[str, Any]
    model: AnyModel


def open_finished(place: str, root: Root, *, where: str) -> RunFolder:
    """Open the folder of a finished run that a configuration names.

    The folder is data: it may name what this package has, and what `root` itself names.

    Args:
        place: the folder.
        root: the configuration that names it.
        where: the key that does.

    Raises:
        RunError: it isn't the folder of a finished run.
    """
    folder = RunFolder.open(Path(place).expanduser(), Trust.of(plain_values(root)))
    if not folder.finished:
        raise RunError(
            "the run isn't finished",
            where=f"{where}={place}",
            todo="finish its training first: the same command with resume=auto",
        )
    return folder


def read_finished(place: str, root: Root, store: SequenceStore, *, where: str) -> Finished:
    """Read a finished run of the same data and split, whose answers this run may therefore use.

    A run of another split may have learned this one's test events.

    Args:
        place: the folder.
        root: the configuration that names it.
        store: the data of this run.
        where: the key that names it.

    Raises:
        RunError: the run isn't finished or is damaged, or its data, items or split are others.
    """
    folder = open_finished(place, root, where=where)
    parts, about = parts_of(folder), folder.about()
    config, named = parts["config"], f"{where}={place}"
    if about["data_hash"] != store.data_hash:
        raise RunError(
            f"the run has other data: hash {about['data_hash'][:12]}, {store.data_hash[:12]} here",
            where=named,
            todo="name a run of this data, or repeat its data=, data.* and prepare.* keys",
        )
    if not parts["catalogue"]["item"].equals(store.items()["item"]):
        raise RunError("the run has other items", where=named, todo="name a run of this data")
    if config.split != root.split:
        raise RunError(
            f"the run has another split: {_told(config.split)}, {_told(root.split)} here; it may "
            "have learned what this one is tested by",
            where=named,
            todo="name a run of this split",
        )
    return Finished(folder, config, about, parts["model"].eval())


def _told(split: dict[str, Any]) -> str:
    """Return a split in words."""
    values = [f"{key}={value}" for key, value in split.items() if key != "_target_"]
    return " ".join([split["_target_"].rpartition(".")[2], *values])
