"""The values of columns that name things, one a row."""

import numpy as np
import polars as pl

OWN = ("index", "item", "title")  # columns of the item table that every table has


def flat_values(column: pl.Series) -> pl.DataFrame:
    """Return row (from 1) and value, as text, of a column of lists, or of one value per item.

    Repeats within a row, and missing or empty values, are dropped.
    """
    rows = pl.DataFrame({"row": np.arange(1, len(column) + 1), "value": column})
    if isinstance(column.dtype, pl.List):
        rows = rows.explode("value", empty_as_null=True)
    return (
        rows.with_columns(pl.col("value").cast(pl.String).str.strip_chars())
        .filter(pl.col("value").is_not_null() & (pl.col("value") != ""))
        .unique(maintain_order=True)
    )


def groups_in(table: pl.DataFrame) -> list[str]:
    """Return the columns of an item table whose values group items: texts and lists of them."""
    return [
        name
        for name, kind in table.schema.items()
        if name not in OWN and (kind == pl.String or isinstance(kind, pl.List))
    ]
