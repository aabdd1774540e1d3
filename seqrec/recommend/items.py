"""The items of a run by their original ids."""

from collections.abc import Iterable
from typing import Any

import polars as pl

from seqrec.errors import DataError
from seqrec.raw.ids import tidy_id


class _Index(dict[str, int]):
    """The index of each id, found by any spelling that the rule of ids makes the same."""

    def __missing__(self, item: str) -> int:
        index = self.get(tidy_id(item))
        if index is None:
            raise KeyError(item)
        return index

    def __contains__(self, item: object) -> bool:
        return super().__contains__(item) or super().__contains__(tidy_id(str(item)))


class Items:
    """The items behind a model's item indices.

    Args:
        table: index (from 1), item and title (may be null) of the run's catalogue.
    """

    def __init__(self, table: pl.DataFrame) -> None:
        self.ids = table["item"].to_list()
        self.titles = table["title"].fill_null(table["item"]).to_list()
        self.index = _Index({item: i for i, item in enumerate(self.ids, start=1)})

    def __len__(self) -> int:
        """Return the number of items."""
        return len(self.ids)

    def places(self, items: list[str]) -> list[int]:
        """Return the positions in a history of the items that the catalogue has.

        Raises:
            DataError: it has none of them.
        """
        places = [at for at, item in enumerate(items) if item in self.index]
        if not places:
            raise DataError(
                f"none of the {len(items)} items is in the run's catalogue",
                where=f"items={','.join(items[:5])}",
                todo=self._hint,
            )
        return places

    def indices(self, items: Iterable[str], *, where: str) -> list[int]:
        """Return the indices of items.

        Args:
            items: original ids.
            where: the argument that names them, for the error.

        Raises:
            DataError: the catalogue lacks one of them.
        """
        items = list(items)
        unknown = [item for item in items if item not in self.index]
        if unknown:
            raise DataError(
                f"the run's catalogue has no item {', '.join(map(repr, unknown[:5]))}",
                where=where,
                todo=self._hint,
            )
        return [self.index[item] for item in items]

    def unknown(self, items: list[str]) -> list[str]:
        """Return the items that the catalogue lacks."""
        return [item for item in items if item not in self.index]

    def table(self, indices: list[int], **columns: list[Any]) -> pl.DataFrame:
        """Return a table of rank, item, title and `columns`, a row for each index."""
        names = {
            "rank": range(1, len(indices) + 1),
            "item": [self.ids[i - 1] for i in indices],
            "title": [self.titles[i - 1] for i in indices],
        }
        return pl.DataFrame({**names, **columns})

    @property
    def _hint(self) -> str:
        return f"give original ids, such as {', '.join(self.ids[:3])}"
