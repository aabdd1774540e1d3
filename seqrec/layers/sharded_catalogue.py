"""A catalogue whose table is split over processes, as one catalogue."""

from dataclasses import dataclass, field

from torch import Tensor

from seqrec.catalogue import Catalogue
from seqrec.layers.exchange import fetch_rows
from seqrec.layers.shard import Shard


@dataclass(frozen=True)
class ShardedCatalogue(Catalogue):
    """A catalogue of which this process has the rows of `shard` alone.

    ``table_VD`` and ``bias_V`` hold own rows. Scores of chosen items fetch the rows that they need,
    so every process has to ask for some at the same time; :meth:`block` scores own items.
    """

    shard: Shard = field(kw_only=True)

    @classmethod
    def of(cls, own: Catalogue, shard: Shard) -> "ShardedCatalogue":
        """Return the catalogue of which `own` has this process's rows."""
        return cls(own.table_VD, own.bias_V, own.sparse, shard=shard)

    def vectors(self, item: Tensor) -> Tensor:
        """Return rows of the table, in the shape of `item` with D appended."""
        return fetch_rows(item, self.table_VD, self.shard, sparse=self.sparse)

    def biases(self, item: Tensor) -> Tensor | None:
        """Return the float32 biases of items, in their shape; None: there are none."""
        if self.bias_V is None:
            return None
        return fetch_rows(item, self.bias_V[:, None], self.shard).squeeze(-1).float()

    def block(self, query_ND: Tensor, first: int, last: int) -> Tensor:
        """Return float32 scores of own items ``first .. last - 1``: (N, last - first)."""
        return super().block(query_ND, first - self.shard.first, last - self.shard.first)

    def __len__(self) -> int:
        """Return the number of rows V of all processes."""
        return self.shard.rows
