"""Several augmentations, one after another."""

from torch import Generator

from seqrec.contracts import Augment
from seqrec.shapes import TrainBatch


class Compose:
    """Apply each of several augmentations to what the one before returns.

    Args:
        of: the augmentations by any name, in order.
    """

    def __init__(self, *, of: dict[str, Augment]) -> None:
        self.of = of

    def __call__(self, batch: TrainBatch, generator: Generator) -> TrainBatch:
        """Return the batch after the last one."""
        for augment in self.of.values():
            batch = augment(batch, generator)
        return batch
