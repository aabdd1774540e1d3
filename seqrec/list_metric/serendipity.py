"""Serendipity: relevant items that popularity wouldn't have recommended."""

from typing import ClassVar

from seqrec.ranking.lists import Lists, Values


class Serendipity:
    """``serendipity@k``: relevant items of a list that aren't in popularity's list, over k.

    ``|(list without the baseline's list) and relevant| / k``: Ge et al. 2010, "Beyond accuracy",
    RecSys, with popularity as the primitive recommender, over all places of the list as in
    Kaminskas and Bridge 2016, "Diversity, serendipity, novelty, and coverage", TiiS 7(1). As one
    item is relevant, it is ``1 / k`` if only the model's list holds the target, else 0.
    """

    needs: ClassVar[tuple[str, ...]] = ()

    def __call__(self, lists: Lists) -> dict[str, Values]:
        """Return ``{"serendipity@10": ...}``, with values in 0 .. 1 / k."""
        rank_R, popular_R = lists.rank_R, lists.popular_rank_R
        return {
            f"serendipity@{k}": Values.of(((rank_R <= k) & (popular_R > k)) / k) for k in lists.ks
        }
