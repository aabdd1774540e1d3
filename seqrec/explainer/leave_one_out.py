"""Leave one out: what the score loses without each event."""

from typing import ClassVar, Literal

import torch

from seqrec.question import Explanation, Question


class LeaveOneOut:
    """Weigh an event by the score with it minus the score without it.

    Two events that do the same are both worth nothing to it, as each stands in for the other;
    ``shapley`` shares their worth.
    """

    game: ClassVar[Literal["delete"]] = "delete"
    complete: ClassVar[bool] = False
    needs: ClassVar[Literal["anything"]] = "anything"

    def __call__(self, question: Question) -> Explanation:
        """Ask for the whole history, and for L histories of one event less."""
        length = len(question)
        whole_1L = torch.ones(1, length, dtype=torch.bool)
        keep_PL = torch.cat([whole_1L, ~torch.eye(length, dtype=torch.bool)])
        value_P = question.values(keep_PL)
        return Explanation(value_P[0] - value_P[1:], asked=length + 1)
