"""The n items that are most likely to be the very next one."""

from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor

from seqrec.generator._asker import Asker
from seqrec.shapes import EvalBatch


class TopK:
    """The first n places of the policy's ranking: n variants of the same next item.

    The model is asked once. Scores are its scores.
    """

    by_score: ClassVar[bool] = False

    def __call__(self, asker: Asker, batch: EvalBatch, n: int) -> tuple[Tensor, Tensor]:
        """Return ``item_Bn`` and ``score_Bn``; see :class:`~seqrec.generator.Generator`."""
        query = asker.model.query(batch.history, asker.policy.candidate_V)
        ranking = asker.policy.rank(query, asker.catalogue, batch, k=min(n, len(asker.catalogue)))
        room = (0, n - ranking.top_BK.shape[1])
        return F.pad(ranking.top_BK, room), F.pad(ranking.top_score_BK, room, value=-float("inf"))
