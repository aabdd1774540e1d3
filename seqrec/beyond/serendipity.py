"""Serendipity: what is relevant and wouldn't have been recommended anyway."""

import numpy as np
from numpy.typing import NDArray

from seqrec.beyond.values import Values


def serendipity(
    rank_R: NDArray[np.integer], popular_rank_R: NDArray[np.integer], ks: list[int]
) -> dict[str, Values]:
    """Relevant items of a list that aren't in the popularity baseline's, over k.

    ``|(list without the baseline's list) and relevant| / k``: Ge et al. 2010, "Beyond accuracy",
    RecSys, with popularity as the primitive recommender, over all places of the list as in
    Kaminskas and Bridge 2016, "Diversity, serendipity, novelty, and coverage", TiiS 7(1). As one
    item is relevant, it is ``1 / k`` where the target is found by the model alone, else 0.

    Args:
        rank_R: of each target.
        popular_rank_R: of each target by popularity, for the same user under the same protocol.
        ks: list lengths.

    Returns:
        ``{"serendipity@10": ...}``, in 0 .. 1 / k.
    """
    return {f"serendipity@{k}": Values.of(((rank_R <= k) & (popular_rank_R > k)) / k) for k in ks}
