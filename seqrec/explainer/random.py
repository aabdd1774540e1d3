"""Random weights: a control that a method has to beat."""

from typing import ClassVar, Literal

import torch

from seqrec.question import Explanation, Question


class Random:
    """Weigh events at random, without asking the model.

    Args:
        seed: of the weights, together with the history and the target.
    """

    game: ClassVar[None] = None
    complete: ClassVar[bool] = False
    needs: ClassVar[Literal["anything"]] = "anything"

    def __init__(self, *, seed: int = 0) -> None:
        self.seed = seed

    def __call__(self, question: Question) -> Explanation:
        """Draw a number from 0 to 1 for each event."""
        generator = question.generator(self.seed)
        return Explanation(torch.rand(len(question), generator=generator).double(), asked=0)
