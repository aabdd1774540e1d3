"""What a baseline is."""

from typing import Protocol

from torch import Tensor

from seqrec.counts.choice import Judge
from seqrec.counts.table import Rows, Table
from seqrec.counts.training import Training


class Baseline(Protocol):
    """A model that is counted in one pass: an ``nn.Module`` whose buffers are the counts.

    Args of its constructor may be facts of the data (``n_items``) and plain values.
    """

    table: Table

    def count(self, training: Training, judge: Judge) -> None:
        """Learn from the training events.

        Args:
            training: the events.
            judge: evaluates the counts as they are on the validation events: the monitored metric;
                its argument names the option in use.

        Raises:
            DataError: the events lack what it needs.
        """
        ...

    def query(self, item_BL: Tensor, length_B: Tensor) -> Rows:
        """What whole histories, right-padded with item 0, ask of the table."""
        ...

    def weights(self, item_BL: Tensor, length_B: Tensor) -> Tensor:
        """``alpha_BL``: how much each item of a history counts; 0 where none does."""
        ...
