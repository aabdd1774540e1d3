"""Recency: later events count more. A control that knows nothing of the model."""

from typing import ClassVar, Literal

import torch

from seqrec.question import Explanation, Question


class Recency:
    """Weigh an event by its place, ``1 / L`` for the oldest to 1 for the latest."""

    game: ClassVar[None] = None
    complete: ClassVar[bool] = False
    needs: ClassVar[Literal["anything"]] = "anything"

    def __call__(self, question: Question) -> Explanation:
        """Count the events."""
        length = len(question)
        return Explanation(torch.arange(1, length + 1).double() / length, asked=0)
