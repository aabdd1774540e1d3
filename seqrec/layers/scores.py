"""Scores of targets and of sampled negatives."""

from torch import Tensor

from seqrec.contracts import Ranked
from seqrec.shapes import Negatives, Targets


def target_and_negative_scores(
    query_ND: Tensor, targets: Targets, catalogue: Ranked, negatives: Negatives
) -> tuple[Tensor, Tensor]:
    """Return float32 scores, ``target_N1`` and ``negative_NS``."""
    target_N1 = catalogue.score(query_ND, targets.item_N).unsqueeze(-1)
    shared = negatives.item.dim() == 1
    score = catalogue.score_shared if shared else catalogue.score
    return target_N1, score(query_ND, negatives.item)
