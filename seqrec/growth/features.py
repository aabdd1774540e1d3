"""New items begin where the known items are that share features with them."""

from typing import Literal

import numpy as np
import polars as pl
import torch
from torch import Tensor

from seqrec.contracts import Fresh
from seqrec.errors import DataError
from seqrec.features.values import flat_values, groups_in
from seqrec.growth._mean import weighted_mean


class Features:
    """The mean over an item's features of the mean of the known items that have the feature.

    A feature counts the more, the fewer known items have it: 1 / log(1 + items). An item that
    shares none gets the mean of all known rows.

    Args:
        columns: names of columns of the item table, of categories or lists of them; ``all``: every
            such column.
    """

    def __init__(self, *, columns: list[str] | Literal["all"] = "all") -> None:
        self.columns = columns

    def __call__(self, table_VD: Tensor, fresh: Fresh) -> Tensor:
        """Return the rows of the new items.

        Raises:
            DataError: the items have no such column.
        """
        item_P, code_P = self._values(fresh.items())
        known_P = fresh.known_V[item_P]
        codes = int(code_P.max()) + 1
        ones_P = torch.ones(len(code_P))
        mean_CD, count_C = weighted_mean(
            table_VD, code_P[known_P], item_P[known_P], ones_P[known_P], rows=codes
        )
        number_V = torch.full_like(fresh.known_V, -1, dtype=torch.int64)
        number_V[fresh.item_N] = torch.arange(len(fresh.item_N))
        new_P = number_V[item_P] >= 0
        code_P, row_P = code_P[new_P], number_V[item_P[new_P]]
        weight_P = torch.where(count_C[code_P] > 0, 1 / (1 + count_C[code_P]).log1p(), 0.0)
        mean_ND, total_N = weighted_mean(mean_CD, row_P, code_P, weight_P, rows=len(fresh.item_N))
        mean_ND[total_N == 0] = table_VD[fresh.known_V].mean(0)
        return mean_ND

    def _values(self, items: pl.DataFrame) -> tuple[Tensor, Tensor]:
        """Return the pairs of an item and a code of one of its values."""
        fitting = groups_in(items)
        chosen = fitting if self.columns == "all" else self.columns
        missing = [name for name in chosen if name not in items.columns]
        if missing or not chosen:
            raise DataError(
                f"the items have no column {missing[0]!r}"
                if missing
                else "the items have no column of categories",
                where="growth=features",
                todo=f"use columns='[{', '.join(fitting)}]'"
                if fitting
                else "use growth=neighbours",
            )
        parts = [flat_values(items[name]).with_columns(column=pl.lit(name)) for name in chosen]
        pairs = pl.concat(parts)
        code = pairs.select(pl.struct("column", "value").rank("dense")).to_series()
        row = pairs["row"].to_numpy().astype(np.int64)
        return torch.from_numpy(row), torch.from_numpy(code.to_numpy().astype(np.int64) - 1)
