"""A run as comparison needs it: settings, results, the rank of each event, learning curve."""

import json
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import Any

import polars as pl

from seqrec.config.kinds import KINDS
from seqrec.config.meaning import Meaning, declared_meanings, flat, meaning_of
from seqrec.config.saved import MEND
from seqrec.config.schema import Component
from seqrec.config.trust import NOTHING, Trust
from seqrec.errors import RunError
from seqrec.evaluation.protocol import SHARES
from seqrec.run.folder import RunFolder

GROUPS = [kind.name for kind in KINDS if not kind.several]  # their options are named as their files
TELLING = (Meaning.RESULT, Meaning.REPEAT, Meaning.FILE, Meaning.RUN)
HASHED = "data.path"  # covered by the hash of the data
COLUMNS = {"user", "item", "rank", "history", "user_events", "item_events"}  # of ranks.parquet
METRICS = ("metric", "list_metric")  # groups with several chosen options
NUMBER = (int, float)
RESULTS = {"data_hash": str, "protocol": str, "fit_seconds": NUMBER}  # entries of metrics.json
CARD: dict[str, Any] = {  # entries of protocol.json that are shown
    **dict.fromkeys(("train_events", "valid_targets", "test_targets", "candidates", "items"), int),
    **dict.fromkeys(("data", "protocol_id", "seen", "k_core", "cold_targets"), str),
    **dict.fromkeys(SHARES, (*NUMBER, type(None))),
    **{"times": (dict, type(None)), "leaks": list},
}


@dataclass(frozen=True, eq=False)
class Run:
    """A finished run."""

    path: Path
    settings: dict[str, Any]  # dotted key or group to value or chosen option
    metric: dict[str, Component]  # its ranking metrics
    results: dict[str, Any]  # metrics.json
    protocol: dict[str, Any]  # the protocol card
    ranks: pl.DataFrame  # a row per test event, ordered by user and item
    history: list[dict[str, Any]]  # a row per epoch; empty for a baseline
    started: str  # ISO
    declared: dict[str, Meaning]  # meanings that its components declare for their keys

    @cached_property
    def telling_settings(self) -> dict[str, Any]:
        """The settings that distinguish it from other runs: those that can change its results."""
        return {key: value for key, value in self.settings.items() if self._tells(key)}

    def _tells(self, key: str) -> bool:
        means = meaning_of(key, self.declared)
        return means in TELLING and key != HASHED and not key.endswith("_target_")

    @cached_property
    def identity(self) -> str:
        """Equal for two runs that must have equal results."""
        return json.dumps(
            [self.telling_settings, self.results["data_hash"]], sort_keys=True, default=str
        )

    @cached_property
    def measured_on(self) -> tuple[str, str, int, str]:
        """What comparable runs share: data, protocol, candidates and test events."""
        events = self.ranks.select("user", "item").hash_rows().to_numpy()
        return (
            self.results["data_hash"],
            self.results["protocol"],
            self.protocol["candidates"],
            blake2b(events.tobytes(), digest_size=6).hexdigest(),
        )


def read_run(path: Path, trust: Trust = NOTHING) -> Run:
    """Read the folder of a finished run.

    Args:
        path: the folder.
        trust: what its configuration may name besides this package.

    Raises:
        RunError: it isn't that of a run, failed, is unfinished or damaged, or names what a run may
            not; the first sentence says which.
    """
    folder = RunFolder(path, trust)
    _check_finished(folder)
    results = folder.results(RESULTS)
    protocol = folder.read_entries("protocol.json", CARD)
    about = folder.about()
    config = _config(folder)
    targets = {group: _option(config.get(group)) for group in GROUPS if group in config}
    model = {"model": str(about.get("name", "")).partition(" ")[0]}
    chosen = {key: value for key, value in about.get("choices", {}).items() if key not in METRICS}
    return Run(
        path=path,
        settings=flat(config) | targets | model | chosen,
        metric=config["metric"],
        results=results,
        protocol=protocol,
        ranks=read_ranks(folder).sort("user", "item", maintain_order=True),
        history=folder.history(),
        started=str(about.get("started", "")),
        declared=declared_meanings(config),
    )


def _check_finished(folder: RunFolder) -> None:
    error = folder.path / "error.txt"
    if (folder.path / "metrics.json").is_file():
        return
    if error.is_file():
        first = error.read_text(errors="replace").strip().partition("\n")[0]
        raise RunError(f"it failed: {first}", where=str(folder.path))
    if (folder.path / "run.json").is_file():
        raise RunError(
            "it isn't finished: there is no metrics.json",
            where=str(folder.path),
            todo="resume it: the same command with resume=auto",
        )
    raise RunError("not a run, or one that ended before training", where=str(folder.path))


def _config(folder: RunFolder) -> dict[str, Any]:
    """Read ``config.yaml`` as plain values."""
    config = folder.plain_config()
    if not {"seed", "metric", "data"} <= set(config):
        raise RunError("config.yaml isn't that of a run", where=str(folder.path), todo=MEND)
    return config


def read_ranks(folder: RunFolder) -> pl.DataFrame:
    """Return ``ranks.parquet``, in the order of the split.

    Raises:
        RunError: it isn't there, can't be read, or lacks something.
    """
    table = folder.read_table("ranks.parquet")
    missing = sorted(COLUMNS - set(table.columns))
    if missing:
        raise RunError(
            f"ranks.parquet has no column {', '.join(missing)}: an older version wrote it",
            where=str(folder.path),
            todo="run its command again",
        )
    ranks = table["rank"]
    if not len(ranks) or not ranks.dtype.is_integer() or ranks.null_count() or (ranks < 1).any():
        raise RunError(
            "ranks.parquet has no ranks, or ranks below 1", where=str(folder.path), todo=MEND
        )
    return table


def _option(node: Any) -> str | None:
    """Return the option that chose a component: its file has the same name."""
    target = node.get("_target_") if isinstance(node, dict) else None
    return target.split(".")[-2] if isinstance(target, str) and "." in target else None
