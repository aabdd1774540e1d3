"""The items of a bundle: original ids, indices and titles."""

from collections.abc import Iterable, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from seqrec.bundle.texts import Found, Texts
from seqrec.errors import DataError
from seqrec.raw.ids import tidied

KEPT = 1 << 13  # ids and titles that are kept as Python objects, for those that come again


class Items:
    """The items behind the rows of an item table; index 0 is the padding.

    Args:
        ids: original ids of the items 1, 2, ...
        titles: their titles; the id of an item that has none.
        found: the places of the ids.
        candidate_V: bool, the items that may be recommended, False for the padding.
    """

    def __init__(
        self, *, ids: Texts, titles: Texts, found: Found, candidate_V: NDArray[np.bool_]
    ) -> None:
        self._ids, self._titles, self._found = ids, titles, found
        self.candidate_V = candidate_V
        self._known: dict[str, int] = {}
        self._id: dict[int, str] = {}
        self._title: dict[int, str] = {}

    def __len__(self) -> int:
        """Return the number of items."""
        return len(self._ids)

    def lookup(self, items: Iterable[str]) -> list[int]:
        """Return the index of each id; 0 for ids that the catalogue lacks.

        An id is found in any spelling that the rule of ids makes the same
        (:mod:`seqrec.raw.ids`).
        """
        items, known = list(items), self._known
        try:
            return [known[item] for item in items]
        except KeyError:
            pass
        found = [self._found(item) + 1 for item in items]
        if len(known) > KEPT:
            known.clear()
        known.update((item, at) for item, at in zip(items, found, strict=True) if at)
        if missing := [at for at, index in enumerate(found) if not index]:
            tidy = tidied(pl.Series([items[at] for at in missing], dtype=pl.String))
            for at, item in zip(missing, tidy, strict=True):
                found[at] = self._found(item) + 1
        return found

    def indices(self, items: Iterable[str], *, where: str) -> list[int]:
        """Return the indices of items.

        Args:
            items: original ids.
            where: the argument that names them, for the error.

        Raises:
            DataError: the catalogue lacks one of them.
        """
        items = list(items)
        found = self.lookup(items)
        if unknown := [item for item, at in zip(items, found, strict=True) if not at]:
            raise DataError(
                f"the bundle has no item {', '.join(map(repr, unknown[:5]))}",
                where=where,
                todo=self.hint,
            )
        return found

    def id(self, index: int) -> str:
        """Return the original id of an index from 1 on."""
        return _kept(self._id, self._ids, index)

    def ids(self, indices: Sequence[int]) -> list[str]:
        """Return the original ids of indices from 1 on."""
        known = self._id
        try:
            return [known[index] for index in indices]
        except KeyError:
            return [self.id(index) for index in indices]

    def title(self, index: int) -> str:
        """Return the title of an index from 1 on; the id if it has none."""
        return _kept(self._title, self._titles, index)

    def table(self, indices: Sequence[int], **columns: Sequence[float]) -> pl.DataFrame:
        """Return a table of rank, item, title and `columns`, a row for each index."""
        names = {
            "rank": range(1, len(indices) + 1),
            "item": pl.Series([self.id(i) for i in indices], dtype=pl.String),
            "title": pl.Series([self.title(i) for i in indices], dtype=pl.String),
        }
        values = {n: pl.Series(v, dtype=pl.Float64) for n, v in columns.items()}
        return pl.DataFrame({**names, **values})

    @property
    def hint(self) -> str:
        """What to write instead of an id that isn't there."""
        return f"give original ids, such as {', '.join(map(self.id, range(1, len(self) + 1)[:3]))}"


def _kept(known: dict[int, str], texts: Texts, index: int) -> str:
    """Return the text of an index from 1 on, and keep it."""
    text = known.get(index)
    if text is None:
        if len(known) > KEPT:
            known.clear()
        text = known[index] = texts[index - 1]
    return text
