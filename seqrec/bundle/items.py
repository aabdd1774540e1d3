"""The items of a bundle: original ids, indices and titles."""

from collections.abc import Iterable, Sequence

import numpy as np
import polars as pl

from seqrec.bundle.texts import Found, Texts
from seqrec.errors import DataError
from seqrec.raw.ids import tidy_id


class Items:
    """The items behind the rows of an item table; index 0 is the padding.

    Args:
        table: item (original id), title (may be null) and candidate of the items 1, 2, ...

    Attributes:
        candidate_V: bool, the items that may be recommended, False for the padding.
    """

    def __init__(self, table: pl.DataFrame) -> None:
        self._ids = Texts(table["item"])
        self._titles = Texts(table["title"].cast(pl.String).fill_null(table["item"]))
        self._found = Found(self._ids)
        self.candidate_V = np.concatenate([[False], table["candidate"].to_numpy()])

    def __len__(self) -> int:
        """Return the number of items."""
        return len(self._ids)

    def index(self, item: str) -> int:
        """Return the index of an id, in any spelling that the rule of ids makes the same; else 0.

        The rule is that of :mod:`seqrec.raw.ids`.
        """
        at = self._found(item)
        return 1 + (self._found(tidy_id(item)) if at < 0 else at)

    def indices(self, items: Iterable[str], *, where: str) -> list[int]:
        """Return the indices of items.

        Args:
            items: original ids.
            where: the argument that names them, for the error.

        Raises:
            DataError: the catalogue lacks one of them.
        """
        items = list(items)
        found = [self.index(item) for item in items]
        if unknown := [item for item, at in zip(items, found, strict=True) if not at]:
            raise DataError(
                f"the bundle has no item {', '.join(map(repr, unknown[:5]))}",
                where=where,
                todo=self.hint,
            )
        return found

    def id(self, index: int) -> str:
        """Return the original id of an index from 1 on."""
        return self._ids[index - 1]

    def title(self, index: int) -> str:
        """Return the title of an index from 1 on; the id if it has none."""
        return self._titles[index - 1]

    def table(self, indices: Sequence[int], **columns: Sequence[float]) -> pl.DataFrame:
        """Return a table of rank, item, title and `columns`, a row for each index."""
        names = {
            "rank": range(1, len(indices) + 1),
            "item": pl.Series([self.id(i) for i in indices], dtype=pl.String),
            "title": pl.Series([self.title(i) for i in indices], dtype=pl.String),
        }
        return pl.DataFrame({**names, **columns})

    @property
    def hint(self) -> str:
        """What to write instead of an id that isn't there."""
        return f"give original ids, such as {', '.join(map(self.id, range(1, len(self) + 1)[:3]))}"
