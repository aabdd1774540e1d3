"""Read vectors of items made by other programs: of images, audio, language models."""

from pathlib import Path

import numpy as np
import polars as pl
import torch
from torch import Tensor

from seqrec.errors import DataError
from seqrec.raw.ids import tidied


def given_vectors(path: str, items: pl.Series) -> Tensor:
    """Read the vectors of a file, scaled to unit variance.

    Args:
        path: a Parquet file with a column ``item`` and one of lists, or numbers in all others; or
            ``NAME.npy`` (rows) next to ``NAME.txt`` (the item of each row, one per line).
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
            todo="rewrite the file, or leave the feature out",
        )
    rows = pl.DataFrame({"item": tidied(ids)}).with_row_index("row").unique("item", keep="first")
    joined = items.to_frame("item").join(rows, on="item", how="left", maintain_order="left")
    place = joined["row"].cast(pl.Int64).fill_null(-1).to_numpy()
    if (place < 0).all():
        example = f"it has {ids[0]!r}" if len(ids) else "it is empty"
        raise DataError(
            f"the file has no vector for any of the {len(items):,} items, such as {items[0]!r}: "
            f"{example}",
            where=str(file),
            todo="write the ids as the item table has them",
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


def _numpy(file: Path) -> tuple[pl.Series, np.ndarray]:
    names = _existing(file.with_suffix(".txt"))
    try:
        values = np.load(file, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise DataError(
            f"not a NumPy array: {error}", where=str(file), todo="write it with numpy.save"
        ) from error
    return pl.Series("item", names.read_text().splitlines(), dtype=pl.String), values


def _parquet(file: Path) -> tuple[pl.Series, np.ndarray]:
    try:
        table = pl.read_parquet(file)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DataError(
            f"not a Parquet file: {str(error).splitlines()[0]}",
            where=str(file),
            todo="use a Parquet file, or NAME.npy next to NAME.txt",
        ) from error
    rest = [name for name in table.columns if name != "item"]
    if "item" not in table.columns or not rest:
        raise DataError(
            f"the columns must be item and vectors; the file has {', '.join(table.columns)}",
            where=str(file),
            todo="name the column of ids item, and add one column of lists or only numbers",
        )
    try:
        if len(rest) == 1 and isinstance(table[rest[0]].dtype, pl.List | pl.Array):
            lists = table[rest[0]].cast(pl.List(pl.Float32))
            width = int(lists.list.len().to_numpy().max(initial=0))
            values = lists.cast(pl.Array(pl.Float32, width)).to_numpy()
        else:
            values = table.select(pl.col(rest).cast(pl.Float32)).to_numpy()
    except pl.exceptions.PolarsError as error:
        raise DataError(
            f"not all vectors are numbers of one length: {str(error).splitlines()[0]}",
            where=str(file),
            todo="give all items lists of the same length",
        ) from error
    return table["item"].cast(pl.String), values
