"""What an update reaches beside a full retraining: a tenth more events, the newest."""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from omegaconf import OmegaConf

from seqrec.benchmark.report import Line
from seqrec.benchmark.setup import composed
from seqrec.build import build_source
from seqrec.config.schema import Root
from seqrec.config.typed import plain_values
from seqrec.experiment.python import train
from seqrec.experiment.run import run
from seqrec.run.folder import RunFolder
from seqrec.store.prepare import prepare
from seqrec.store.store import SequenceStore
from seqrec.training.module import TrainedModule
from seqrec.update.compose import Knobs
from seqrec.update.run import News, update

MORE = 0.1  # new events, as a share of the old ones
OLD, NEW, TIME, LISTS = 0.99, 0.95, 0.1, 0.8  # the bars
OF_DATA = ("data=", "data.", "prepare.", "split", "max_length")  # overrides of the first files
GROWTH = {"_target_": "seqrec.growth.neighbours.Neighbours", "reach": 5}


def measure_update(overrides: list[str]) -> dict[str, Any]:
    """Train on the oldest events, update with the newest, and train all of it anew.

    The retraining has the data, split and seed of the update, and the settings of the first run.

    Args:
        overrides: overrides of ``train.py``; the data must have times.

    Returns:
        ``old``, ``new`` and ``overlap`` of the update, the retraining's ``full`` on the new period,
        and the CPU seconds of training of both.
    """
    root = composed(overrides)
    store = prepare(build_source(root), root.prepare, Path(root.paths.cache_dir))
    with tempfile.TemporaryDirectory() as place, clocked() as clock:
        folder = Path(place)
        write_files(store, folder)
        own = [each for each in overrides if not each.startswith(OF_DATA)]
        first = train(*own, *of_files(folder, root))
        news, out = News(place=str(folder / "after.parquet")), folder / "updated"
        given: dict[str, Any] = {
            "growth": GROWTH,
            "knobs": Knobs(),
            "out": out,
            "typed": "benchmark",
        }
        made, found = update(first, first.config(), news=news, **given)
        updated_s = clock[-1]
        full = again(made, first, folder / "full")
    metric = found["metric"]
    kept = {part: {when: found[part][when][metric] for when in ("before", "after")}
            for part in ("old", "new")}  # fmt: skip
    return {
        **kept,
        "overlap": found["overlap"],
        "new_items": found["new_items"],
        "full": full[f"test/{metric}"],
        "update_s": updated_s,
        "full_s": clock[-1],
    }


def again(made: RunFolder, first: RunFolder, folder: Path) -> dict[str, Any]:
    """Train a new model on the data of an update, as the first run was trained."""
    values, about, then = plain_values(made.config()), first.about(), plain_values(first.config())
    values |= {name: then[name] for name in ("trainer", "optimizer", "scheduler", "batch")}
    node = OmegaConf.create(values | {"update": None})
    return run(node, folder, choices=about["choices"], overrides=about["overrides"])


def of_files(folder: Path, root: Root) -> list[str]:
    """Return the overrides that read what :func:`write_files` wrote, split in time."""
    return [
        *("data=files", f"data.path={folder / 'before.parquet'}"),
        *(f"data.items_path={folder / 'items.parquet'}", "prepare.k_core=0"),
        *("prepare.repeats=keep", f"evaluation.mask_seen={root.evaluation.mask_seen}"),
        *("split=temporal", "split.targets=all", f"max_length={root.max_length}"),
        *("logger=none", f"paths.cache_dir={folder}", f"paths.output_dir={folder}"),
        "evaluation.monitor=ndcg@10",
    ]


def write_files(store: SequenceStore, folder: Path) -> None:
    """Write all events, those but the newest, and the items of prepared data."""
    assert store.timestamp is not None, "without times, no event is newer than another"
    user = np.repeat(np.arange(store.n_users), np.diff(store.offset))
    events = pl.DataFrame(
        {
            "user_id": store.users()["user"].gather(user),
            "item_id": store.items()["item"].gather(np.asarray(store.item) - 1),
            "timestamp": np.asarray(store.timestamp),
        }
    ).sort("timestamp", maintain_order=True)
    cut = events["timestamp"][int(len(events) / (1 + MORE))]
    events.write_parquet(folder / "after.parquet")
    events.filter(pl.col("timestamp") < cut).write_parquet(folder / "before.parquet")
    items = store.items().drop("index").rename({"item": "item_id"})
    items.write_parquet(folder / "items.parquet")


@contextmanager
def clocked() -> Iterator[list[float]]:
    """Yield a list to which each training adds its CPU seconds, validations included."""
    seconds: list[float] = []
    fit: Any = TrainedModule.fit

    def timed(module: TrainedModule, *given: Any) -> Any:
        began = time.process_time()
        try:
            return fit(module, *given)
        finally:
            seconds.append(time.process_time() - began)

    TrainedModule.fit = timed  # type: ignore[method-assign,assignment]
    try:
        yield seconds
    finally:
        TrainedModule.fit = fit  # type: ignore[method-assign]


def lines(result: dict[str, Any]) -> list[Line]:
    """Report what was reached, with the bars."""
    old, new, items = result["old"], result["new"], result["new_items"]
    return [
        Line("update", "old period before, ndcg@10", old["before"]),
        Line("update", "of that, after", old["after"] / old["before"], at_least=OLD),
        Line("update", "new period before, ndcg@10", new["before"]),
        Line("update", "after", new["after"]),
        Line("update", "retrained", result["full"]),
        Line("update", "of that, updated", new["after"] / result["full"], at_least=NEW),
        Line("update", "overlap of old lists, RBO@10", result["overlap"], at_least=LISTS),
        Line("update", "events with a new item", items["events"]),
        Line("update", "of these, hits@10", items["hits"], at_least=1),
        Line("update", "CPU s of training", result["update_s"]),
        Line("update", "of a retraining's", result["update_s"] / result["full_s"], at_most=TIME),
    ]
