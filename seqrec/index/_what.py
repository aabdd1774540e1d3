"""What every index can do."""

from collections.abc import Sequence
from typing import ClassVar, Protocol

from seqrec.index._tables import Floats
from seqrec.index._wanted import Found, Wanted


class Index(Protocol):
    """Finds the best items: ``search(query_BD, wanted) -> [Found]``, one for each query.

    It is made of :class:`~seqrec.index.Tables`, which :attr:`needs` names the fields of that this
    index can't do without. Scores are those of the float32 table, whatever the search went through.
    No item outside ``allowed`` or in ``without`` is ever found, and what is found for a query
    doesn't depend on the queries beside it, up to the rounding of a product.

    Attributes:
        exact: the lists are those of a search through the whole table, at any filter.
        needs: fields of the tables.
    """

    exact: ClassVar[bool]
    needs: ClassVar[tuple[str, ...]]

    def search(self, query_BD: Floats, wanted: Sequence[Wanted]) -> list[Found]: ...
