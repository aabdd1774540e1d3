"""No augmentation: batches stay as they are."""

from torch import Generator

from seqrec.shapes import TrainBatch


class Unchanged:
    """Leave every batch unchanged."""

    def __call__(self, batch: TrainBatch, generator: Generator) -> TrainBatch:
        """Return the batch."""
        return batch
