"""The configuration of an update, from that of the run before."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from seqrec.config.schema import Root
from seqrec.config.typed import plain_values, typed
from seqrec.errors import ConfigError

SCHEDULE = {"_target_": "seqrec.scheduler.cosine.Cosine", "warmup": 0.1, "floor": 0.0}
GROWN = "seqrec.update.source.Grown"


@dataclass(frozen=True)
class Knobs:
    """How an update learns.

    Args:
        epochs: passes over what is learned, at most.
        patience: validations of the new period without improvement before it stops.
        lr: highest learning rate; None: that of the run before.
        replay, valid_share, test_share: see :class:`~seqrec.update.split.Continued`.
        distil, keep: see :class:`~seqrec.update.start.Inherited`.
        seed: of all random choices; None: that of the run before.
    """

    epochs: int = 2
    patience: int = 1
    lr: float | None = None
    replay: float = 1.0
    distil: float = 0.25
    keep: float = 0.5
    valid_share: float = 0.1
    test_share: float = 0.2
    seed: int | None = None


def is_update(root: Root) -> bool:
    """Return whether a run's data is that of another, grown."""
    return root.data["_target_"] == GROWN


def source_of(root: Root) -> dict[str, Any]:
    """Return the data of a run without what an update added to it."""
    return dict(root.data["base"] if is_update(root) else root.data)


def renewed(base: dict[str, Any], place: str | None) -> dict[str, Any]:
    """Return the data with newer files.

    Args:
        base: the data of the run before.
        place: a file of interactions for ``data=files``, the folder of raw files for others; None:
            the same files.

    Raises:
        ConfigError: it isn't there, or isn't what this data is read from.
    """
    if place is None:
        return base
    there = Path(place).expanduser()
    if not there.exists():
        raise ConfigError(f"data={place} isn't there", todo="name newer files of the run's data")
    if "path" in base:
        return base | {"path": str(there if base.get("raw_dir") is None else there.absolute())}
    if "raw_dir" not in base:
        raise ConfigError(
            f"{base['_target_']} reads no files that could be newer", where=f"data={place}"
        )
    if not there.is_dir():
        raise ConfigError(
            f"data={place} is a file",
            todo="name the folder that holds the newer files, as data.raw_dir does",
        )
    return base | {"raw_dir": str(there)}


def composed(
    root: Root,
    *,
    base: Mapping[str, Any],
    known_path: Path,
    events_path: Path | None,
    since: int,
    update: dict[str, Any],
    knobs: Knobs,
) -> Root:
    """Return the configuration of the update.

    Args:
        root: that of the run before.
        base: its data, with newer files.
        known_path, events_path: see :class:`~seqrec.update.source.Grown`.
        since: events from this time on are new; milliseconds since 1970 UTC.
        update: what is known of the run before, see :class:`~seqrec.update.start.Inherited`.
        knobs: how the update learns.

    Raises:
        ConfigError: the values don't fit together.
    """
    values = plain_values(root)
    seed = root.seed if knobs.seed is None else knobs.seed
    values |= {
        "data": {
            "_target_": GROWN,
            "base": dict(base),
            "known_path": str(known_path),
            "events_path": None if events_path is None else str(events_path),
        },
        "expect": None,
        "split": {
            "_target_": "seqrec.update.split.Continued",
            "base": values["split"],
            "since": since,
            "valid_share": knobs.valid_share,
            "test_share": knobs.test_share,
            "replay": knobs.replay,
            "piece": max(1, root.max_length * 2 // 3),  # a third of a window is seen before it
            "seed": seed,
        },
        "update": {
            "_target_": "seqrec.update.start.Inherited",
            "distil": knobs.distil,
            "keep": knobs.keep,
            **update,
        },
        "seed": seed,
        "checkpoint": None,
        "teacher": None,  # it knows the data of before; what an update keeps of it is `distil`
        "resume": None,
        "rerun": False,
    }
    values["trainer"] |= {
        "max_epochs": knobs.epochs,
        "patience": knobs.patience,
        "validate_every": 1,
        "ema": 0.0,
        "limit_batches": None,
    }
    if root.teacher is not None:
        values["objective"] = {"_target_": "seqrec.objective.next_item.NextItem"}
    optimizer = values["optimizer"]
    if optimizer is not None and "lr" in optimizer:
        lr = optimizer["lr"] if knobs.lr is None else knobs.lr
        values["optimizer"] = {**optimizer, "lr": lr}
        values["scheduler"] = dict(SCHEDULE)
    return typed(OmegaConf.create(values))
