"""Leave one out: what the score loses without each event."""

from typing import ClassVar, Literal

import torch
from torch import Tensor

from seqrec.model import SequenceModel
from seqrec.question import Explanation, Game, Question


class LeaveOneOut:
    """Weigh an event by the score with it minus the score without it.

    Two events that do the same are both worth nothing to it, as each stands in for the other;
    ``shapley`` shares their worth. Of a vector that is a sum of parts (features, context), it also
    weighs each part, by the score without this part of the vector.

    Args:
        game: ``delete`` an event, so that later ones move up, or ``mask`` its vector.

    Raises:
        ConfigError: a baseline, which has no vectors, should play ``mask``.
    """

    complete: ClassVar[bool] = False
    needs: ClassVar[Literal["anything"]] = "anything"

    def __init__(self, *, game: Game = "delete") -> None:
        if game not in ("delete", "mask"):
            raise ValueError(f"game={game}: use delete or mask")
        self.game = game

    def __call__(self, question: Question) -> Explanation:
        """Ask for the whole history, and for L histories of one event less."""
        length = len(question)
        whole_1L = torch.ones(1, length, dtype=torch.bool)
        keep_PL = torch.cat([whole_1L, ~torch.eye(length, dtype=torch.bool)])
        value_P = question.played(self.game, keep_PL)
        column_L = _columns(question, value_P[0])
        asked = (1 + len(column_L)) * length + 1
        return Explanation(value_P[0] - value_P[1:], asked, column_L=column_L)


def _columns(question: Question, value: Tensor) -> dict[str, Tensor]:
    """Return what the score loses without one part of one event's vector, by name."""
    parts = question.summands() if isinstance(question.model, SequenceModel) else {}
    if len(parts) < 2:
        return {}
    x_1LD, column_L = question.vectors(), {}
    for name, part_1LD in parts.items():
        length = part_1LD.shape[1]
        x_LLD = x_1LD.repeat(length, 1, 1)
        at = torch.arange(length)
        x_LLD[at, at] -= part_1LD[0]
        with torch.no_grad():
            without = [question.score(x_BLD) for x_BLD in x_LLD.split(question.rows)]
        column_L[name] = value - torch.cat(without)
    return column_L
