"""Search through the whole table."""

from collections.abc import Sequence
from typing import ClassVar

from seqrec.index._scan import scan, split
from seqrec.index._tables import Floats, Tables
from seqrec.index._wanted import Found, Wanted


class Exact:
    """Scores every item, or, if only a few are allowed, these alone.

    The time is that of reading the table once for all queries that are asked together, so it is
    bound by the memory's bandwidth: 64 numbers of a million items are 256 MB.

    Args:
        tables: what items are scored with.
    """

    exact: ClassVar[bool] = True
    needs: ClassVar[tuple[str, ...]] = ()

    def __init__(self, *, tables: Tables) -> None:
        self.tables = tables

    def search(self, query_BD: Floats, wanted: Sequence[Wanted]) -> list[Found]:
        """Return the best items for each query; see :class:`~seqrec.index.Index`."""
        return split(self.tables, query_BD, wanted, self._through_all)

    def _through_all(self, query_BD: Floats, wanted: Sequence[Wanted]) -> list[Found]:
        best = scan(
            self.tables.scores, query_BD, wanted, size=len(self.tables), depth=lambda each: each.k
        )
        return [kept.found(each.k) for kept, each in zip(best, wanted, strict=True)]
