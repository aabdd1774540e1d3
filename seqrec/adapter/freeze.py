"""Train chosen parts of a finished model, and leave the others as they are."""

from typing import ClassVar

from seqrec.model import SequenceModel


class Freeze:
    """Add nothing: only what `train` names is trained.

    Args:
        train: names of parameters, or of modules for all parameters in them: ``[embedding]`` for
            new items under an encoder that stays, ``[head, scorer]`` for the other way round.
    """

    needs_whole_weights: ClassVar[bool] = True

    def __init__(self, *, train: list[str]) -> None:
        self.train = train

    def __call__(self, model: SequenceModel) -> None:
        """Leave the model as it is."""
