"""No augmentation: batches are learned from as they are."""

from torch import Generator

from seqrec.shapes import TrainBatch


class Unchanged:
    """Change nothing."""

    def __call__(self, batch: TrainBatch, generator: Generator) -> TrainBatch:
        """Return the batch."""
        return batch
