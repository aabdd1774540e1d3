"""What slots earn, predicted from what other sessions did."""

from dataclasses import dataclass

import numpy as np

from seqrec.offpolicy.arrays import Floats, Ints, Slates

FOLDS = 2
PRIOR = 5.0  # an item is average until it has been looked at about so often


@dataclass(frozen=True)
class Prediction:
    """A slot earns what its place earns, times what its item earns beside others.

    It learns from the sessions of other folds alone, so estimators that it corrects stay unbiased.

    Args:
        look_FK: what each slot earns, by fold.
        liking_FV: what each item earns, relative to what its places earn, by fold.
    """

    look_FK: Floats
    liking_FV: Floats

    def looks(self, slates: Slates) -> Floats:
        """Return ``(N, K)``, 0 at absent slots."""
        return self.look_FK[_fold(slates)] * slates.present

    def likings(self, slates: Slates, item_NJ: Ints) -> Floats:
        """Return ``(N, J)``, 0 for absent items."""
        return np.where(item_NJ >= 0, self.liking_FV[_fold(slates)[:, None], item_NJ], 0.0)


def fit(slates: Slates, items: int) -> Prediction:
    """Fit a prediction for each half of the sessions to the other half.

    Args:
        slates: all that is known.
        items: number of item codes.
    """
    look_FK = np.zeros((FOLDS, slates.item_NK.shape[1]))
    liking_FV = np.ones((FOLDS, items))
    for fold in range(FOLDS):
        others = slates.rows(_fold(slates) != fold)
        present_NK = others.present
        look_K = others.reward_NK.sum(0) / np.maximum(present_NK.sum(0), 1)
        item, reward = others.item_NK[present_NK], others.reward_NK[present_NK]
        chance = np.broadcast_to(look_K, present_NK.shape)[present_NK]
        mean = max(float(look_K.mean()), 1e-12) if len(look_K) else 1.0
        prior = PRIOR * mean
        earned_V = np.bincount(item, reward, minlength=items)
        looked_V = np.bincount(item, chance, minlength=items)
        look_FK[fold], liking_FV[fold] = look_K, (earned_V + prior) / (looked_V + prior)
    return Prediction(look_FK, liking_FV)


def _fold(slates: Slates) -> Ints:
    return slates.session_N % FOLDS
