"""No negatives, for losses over the full catalogue."""

from typing import ClassVar

from torch import Tensor

from seqrec.shapes import Targets


class NoNegatives:
    """Draw no negatives."""

    has_negatives: ClassVar[bool] = False
    takes_shards: ClassVar[bool] = True

    def __call__(self, targets: Targets, item_BL: Tensor) -> None:
        """Return None."""
        return
