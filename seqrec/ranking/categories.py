"""The categories of the items: a set for each, of one column of the item table."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from seqrec.errors import ConfigError
from seqrec.features.columns import flat_values

AUTO = "auto"
NO_CATEGORIES = ("index", "item", "title")
SHARED = 2  # items that have a value, on average, of a column that is taken for categories


@dataclass(frozen=True)
class Categories:
    """Sets of codes.

    Args:
        name: of the column.
        code_VM: int32, the codes 1 .. size of each item, 0 where there is no (further) one; row 0
            is the padding id.
        size: codes that there are.
    """

    name: str
    code_VM: NDArray[np.int32]
    size: int

    def numbers(self) -> NDArray[np.int64]:
        """How many each item has, by item."""
        return (self.code_VM > 0).sum(1)


def find_categories(items: pl.DataFrame, column: str | None) -> Categories | None:
    """The categories that lists are described by.

    Args:
        items: columns index (1, 2, ...), item, title and features.
        column: a feature; None: no categories; ``auto``: the first column of lists, else the first
            of texts, whose values are shared by two items or more on average, and not all of them
            by all items. None, if there is no such column.

    Raises:
        ConfigError: there is no such column, or it is empty.
    """
    features = [name for name in items.columns if name not in NO_CATEGORIES]
    known = [name for name in features if items[name].null_count() < len(items)]
    if column is None:
        return None
    if column != AUTO:
        if column not in known:
            raise ConfigError(
                f"the items have no categories {column!r}",
                where="evaluation.category",
                todo=f"there is {', '.join(known) or 'none: give a table of items'}; null: none",
            )
        return encode(items[column])
    lists = [name for name in known if isinstance(items[name].dtype, pl.List)]
    texts = [name for name in known if isinstance(items[name].dtype, pl.String | pl.Categorical)]
    for name in lists + texts:
        found = encode(items[name])
        having_G = np.bincount(found.code_VM.ravel(), minlength=2)[1:]  # items, of each code
        if having_G.mean() >= SHARED and having_G.min() < (found.numbers() > 0).sum():
            return found
    return None


def encode(column: pl.Series) -> Categories:
    """A column of lists, or of one value an item, as sets; empty texts are no categories."""
    flat = flat_values(column).with_columns(
        code=pl.col("value").rank("dense").cast(pl.Int32),
        place=pl.int_range(pl.len()).over("row"),
    )
    width = (flat["place"].to_numpy().max(initial=0)) + 1
    code_VM = np.zeros((len(column) + 1, width), dtype=np.int32)
    code_VM[flat["row"].to_numpy(), flat["place"].to_numpy()] = flat["code"].to_numpy()
    return Categories(column.name, code_VM, flat["value"].n_unique())
