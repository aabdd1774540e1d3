"""Vectors of items that were made elsewhere: of images, audio, language models."""

from pathlib import Path

import numpy as np
import polars as pl
import torch
from torch import Tensor

from seqrec.errors import DataError


def given_vectors(path: str, items: pl.Series) -> Tensor:
    """The vectors of a file, scaled to unit variance.

    Args:
        path: a Parquet file with a column ``item`` and one of lists, or numbers in all others; or
            ``NAME.npy`` (rows) beside ``NAME.txt`` (the item of each row, a line each).
        items: original ids, in the order of the item table.

    Returns:
        float32 (V, width); zeros for the padding id and for items that the file doesn't have.

    Raises:
        DataError: the file is missing or can't be used; none of the items is in it.
    """
    file = _existing(Path(path))
    ids, values = _numpy(file) if file.suffix == ".npy" else _parquet(file)
    if values.ndim != 2 or len(values) != len(ids) or not np.isfinite(values).all():
        raise DataError(
            f"{len(ids):,} items and an array of shape {values.shape}: there must be one vector of "
            "finite numbers for each item",
            where=str(file),
        )
    row = {item: at for at, item in enumerate(ids)}
    place = np.array([row.get(item, -1) for item in items])
    if (place < 0).all():
        example = f"it has {ids[0]!r}" if ids else "it is empty"
        raise DataError(
            f"the file has vectors for none of the {len(items):,} items, such as {items[0]!r}: "
            f"{example}",
            where=str(file),
        )
    found = np.where(place[:, None] >= 0, values[place], 0).astype(np.float32)
    scale = np.sqrt((found[place >= 0] ** 2).mean()) or 1.0
    return torch.from_numpy(np.concatenate([np.zeros_like(found[:1]), found / scale]))


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise DataError(
            f"there is no file {path.name}",
            where=str(path.absolute()),
            todo="correct the path in embedding.features",
        )
    return path


def _numpy(file: Path) -> tuple[list[str], np.ndarray]:
    names = _existing(file.with_suffix(".txt"))
    try:
        values = np.load(file, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise DataError(f"it is no array of NumPy's: {error}", where=str(file)) from error
    return names.read_text().splitlines(), values


def _parquet(file: Path) -> tuple[list[str], np.ndarray]:
    try:
        table = pl.read_parquet(file)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DataError(
            f"it is no Parquet file: {str(error).splitlines()[0]}", where=str(file)
        ) from error
    rest = [name for name in table.columns if name != "item"]
    if "item" not in table.columns or not rest:
        raise DataError(
            f"it has the columns {', '.join(table.columns)}: there must be item and vectors",
            where=str(file),
        )
    ids = table["item"].cast(pl.String).to_list()
    try:
        if len(rest) == 1 and isinstance(table[rest[0]].dtype, pl.List | pl.Array):
            values = np.array(table[rest[0]].to_list(), dtype=np.float32)
        else:
            values = table.select(pl.col(rest).cast(pl.Float32)).to_numpy()
    except (ValueError, TypeError, pl.exceptions.PolarsError) as error:
        raise DataError(
            f"not all vectors are numbers of one length: {error}", where=str(file)
        ) from error
    return ids, values
