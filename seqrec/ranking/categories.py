"""Categories of the items: a set for each item, from one column of the item table."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from seqrec.errors import ConfigError
from seqrec.features.values import flat_values

AUTO = "auto"
NO_CATEGORIES = ("index", "item", "title")
SHARED = 2  # minimum mean number of items per value of a column of categories


@dataclass(frozen=True)
class Categories:
    """A set of codes for each item.

    Args:
        name: name of the column.
        code_VM: int32, the codes 1 .. size of each item, filled up with 0; row 0 is the padding
            id.
        size: number of codes.
    """

    name: str
    code_VM: NDArray[np.int32]
    size: int

    def numbers(self) -> NDArray[np.int64]:
        """Return the number of categories of each item."""
        return (self.code_VM > 0).sum(1)


def find_categories(items: pl.DataFrame, column: str | None) -> Categories | None:
    """Return the categories for metrics of lists.

    Args:
        items: columns index (1, 2, ...), item, title and features.
        column: a feature; None: no categories; ``auto``: the first column of lists, otherwise of
            texts, whose values have two or more items on average and don't all hold for all items;
            if none does, there are no categories.

    Raises:
        ConfigError: the column is missing or empty.
    """
    features = [name for name in items.columns if name not in NO_CATEGORIES]
    filled = [name for name in features if items[name].null_count() < len(items)]
    if column is None:
        return None
    if column != AUTO:
        if column not in filled:
            raise ConfigError(
                f"the items have no column {column!r} with values",
                where="evaluation.category",
                todo=f"use {', '.join(filled) or 'data with an item table'}, or null for none",
            )
        return encode(items[column])
    lists = [name for name in filled if isinstance(items[name].dtype, pl.List)]
    texts = [name for name in filled if isinstance(items[name].dtype, pl.String | pl.Categorical)]
    for name in lists + texts:
        found = encode(items[name])
        having_G = np.bincount(found.code_VM.ravel(), minlength=2)[1:]  # items per code
        if having_G.mean() >= SHARED and having_G.min() < (found.numbers() > 0).sum():
            return found
    return None


def encode(column: pl.Series) -> Categories:
    """Return a column of lists or single values as sets; empty texts are ignored."""
    flat = flat_values(column).with_columns(
        code=pl.col("value").rank("dense").cast(pl.Int32),
        place=pl.int_range(pl.len()).over("row"),
    )
    width = (flat["place"].to_numpy().max(initial=0)) + 1
    code_VM = np.zeros((len(column) + 1, width), dtype=np.int32)
    code_VM[flat["row"].to_numpy(), flat["place"].to_numpy()] = flat["code"].to_numpy()
    return Categories(column.name, code_VM, flat["value"].n_unique())
