"""Similarity: events whose items are like the target count more. A control without the history."""

from typing import ClassVar, Literal

import torch
import torch.nn.functional as F

from seqrec.question import Explanation, Question


class Similarity:
    """Weigh an event by the cosine of its item's vector with the target's, 0 where one is zero.

    With a comparison, it is the difference of both cosines.

    Raises:
        ConfigError: the model has no vectors.
    """

    game: ClassVar[None] = None
    complete: ClassVar[bool] = False
    needs: ClassVar[Literal["vectors"]] = "vectors"

    @torch.no_grad()
    def __call__(self, question: Question) -> Explanation:
        """Compare rows of the item table."""
        table_VD = question.sequence_model.embedding.table()
        item_LD = table_VD[question.history.item_BL[0]].double()

        def cosine(item: int) -> torch.Tensor:
            return F.cosine_similarity(item_LD, table_VD[item].double()[None], dim=1)

        weight_L = cosine(question.target)
        if question.instead is not None:
            weight_L = weight_L - cosine(question.instead)
        return Explanation(weight_L, asked=0)
