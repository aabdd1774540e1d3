"""The contract of a baseline."""

from typing import Protocol

from torch import Tensor

from seqrec.counts.choice import Judge
from seqrec.counts.table import Rows, Table
from seqrec.counts.training import Training


class Baseline(Protocol):
    """A model computed in one pass: an ``nn.Module`` whose buffers are counts.

    Its constructor takes run-time facts (``n_items``) and plain values.
    """

    table: Table

    def count(self, training: Training, judge: Judge) -> None:
        """Learn from the training events.

        Args:
            training: the events.
            judge: returns the monitored metric of the current counts on the validation events;
                its argument names the option in use.

        Raises:
            DataError: the events lack a column that the baseline needs.
        """
        ...

    def query(self, item_BL: Tensor, length_B: Tensor) -> Rows:
        """Return the queries of whole histories, right-padded with item 0."""
        ...

    def weights(self, item_BL: Tensor, length_B: Tensor) -> Tensor:
        """Return ``alpha_BL``: the weight of each item of a history; 0 if none counts."""
        ...
