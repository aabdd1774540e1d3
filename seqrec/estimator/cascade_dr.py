"""Doubly robust, slot by slot from the top."""

from typing import ClassVar

import numpy as np

from seqrec.estimator._evidence import Estimate, Evidence


class CascadeDr:
    """Weigh as :class:`~seqrec.estimator.rips.Rips` what a prediction gets wrong.

    Unbiased as that, whatever the prediction (Kiyohara et al. 2022, equation 8). What a slot and
    those below it earn is predicted as its own prediction plus the mean of those below.
    """

    difference: ClassVar[bool] = False
    needs: ClassVar[frozenset[str]] = frozenset({"model"})

    def __call__(self, evidence: Evidence) -> Estimate:
        """Estimate each slot from the slots down to it."""
        weight_NK = evidence.prefix_weights
        before_NK = np.concatenate([np.ones((len(evidence), 1)), weight_NK[:, :-1]], axis=1)
        mean_K = evidence.expected_NK.mean(0)
        below_K = np.cumsum(mean_K[::-1])[::-1] - mean_K
        error_NK = evidence.reward_NK - evidence.predicted_NK - below_K
        term_NK = weight_NK * error_NK + before_NK * (evidence.expected_NK + below_K)
        return Estimate(term_NK.sum(1), weight_NK)
