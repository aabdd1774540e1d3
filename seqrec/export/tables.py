"""The files of a bundle beside its model: item vectors, catalogue, event columns."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from seqrec.bundle.texts import packed, slots_of
from seqrec.catalogue import Catalogue
from seqrec.disk.write import replacing, telling, write_file
from seqrec.facts import EventFacts
from seqrec.features.values import flat_values
from seqrec.ranking.categories import find_categories

ROWS = 1 << 16  # of a table at once
LEVELS = 127  # of int8, to each side of 0


def write_vectors(catalogue: Catalogue, folder: Path) -> None:
    """Write ``items.npy``, float32, and ``bias.npy`` if the scorer has one."""
    save(folder / "items.npy", catalogue.table_VD.detach().float().cpu().numpy())
    if catalogue.bias_V is not None:
        save(folder / "bias.npy", catalogue.bias_V.detach().float().cpu().numpy())


def write_int8(folder: Path) -> None:
    """Write ``items.int8.npy`` and ``items.scale.npy``: each row in 127 steps to each side."""
    table_VD = np.load(folder / "items.npy", mmap_mode="r")
    code_VD = np.empty(table_VD.shape, dtype=np.int8)
    scale_V = np.empty(len(table_VD), dtype=np.float32)
    for first in range(0, len(table_VD), ROWS):
        part = slice(first, first + ROWS)
        code_VD[part], scale_V[part] = in_int8(table_VD[part])
    save(folder / "items.int8.npy", code_VD)
    save(folder / "items.scale.npy", scale_V)


def in_int8(table_VD: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Return ``(code_VD, scale_V)`` with ``|code * scale - value| <= scale / 2``.

    The scale is that of the row: a single long vector makes no other one coarse.
    """
    scale_V = np.abs(table_VD).max(axis=1) / LEVELS
    code_VD = np.rint(table_VD / np.where(scale_V > 0, scale_V, 1)[:, None])
    return code_VD.astype(np.int8), scale_V.astype(np.float32)


def write_catalogue(catalogue: pl.DataFrame, category: str | None, folder: Path) -> None:
    """Write ``catalogue.parquet``: index, item, title, candidate, and the items' categories.

    Ids, titles, candidates and training events are written as arrays, too; see
    :mod:`seqrec.bundle.texts`. A run of an older version doesn't tell its events.

    Args:
        catalogue: of the run, with the features of its items.
        category: ``evaluation.category`` of the run.
        folder: the bundle.
    """
    features = catalogue.drop("candidate", "item_events", strict=False)
    found = find_categories(features, category)
    table = catalogue.select(
        pl.col("index").cast(pl.Int64), "item", pl.col("title").cast(pl.String), "candidate"
    )
    if found is not None:
        flat = flat_values(catalogue[found.name]).rename({"row": "index", "value": "categories"})
        listed = flat.cast({"index": pl.Int64}).group_by("index").agg("categories")
        table = table.join(listed, on="index", how="left", maintain_order="left")
    with telling(folder), replacing(folder / "catalogue.parquet") as part:
        table.write_parquet(part)
    texts = {"ids": table["item"], "titles": table["title"].fill_null(table["item"])}
    for name, column in texts.items():
        utf8_N, begin_T = packed(column)
        save(folder / f"{name}.npy", utf8_N)
        save(folder / f"{name}.begin.npy", begin_T)
    save(folder / "ids.slot.npy", slots_of(table["item"]))
    save(folder / "candidate.npy", np.concatenate([[False], table["candidate"].to_numpy()]))
    if "item_events" in catalogue.columns:
        count = catalogue["item_events"].cast(pl.Int64).to_numpy()
        save(folder / "events.npy", np.concatenate([[0], count]))


def write_context(
    events: Mapping[str, EventFacts], wanted: tuple[str, ...], folder: Path
) -> dict[str, Any]:
    """Write ``context.json``, the columns that the model wants of the events; return it."""
    columns = {
        name: {key: value for key, value in vars(events[name]).items() if value is not None}
        for name in wanted
    }
    write_file(folder / "context.json", json.dumps(columns, indent=1) + "\n")
    return columns


def save(file: Path, array: NDArray[Any]) -> None:
    """Write an array that ``np.load`` maps to memory, whole or not at all.

    Raises:
        WriteError: it can't be written.
    """
    with telling(file), replacing(file) as part, part.open("wb") as stream:
        np.save(stream, np.ascontiguousarray(array), allow_pickle=False)
