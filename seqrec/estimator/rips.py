"""Inverse propensities of slots that are read from the top."""

from typing import ClassVar

from seqrec.estimator._evidence import Estimate, Evidence


class Rips:
    """Weigh each slot by how much likelier the target shows it and those above it.

    Unbiased if what a slot earns depends on no slot below it (McInerney et al. 2020).
    """

    difference: ClassVar[bool] = False
    needs: ClassVar[frozenset[str]] = frozenset()

    def __call__(self, evidence: Evidence) -> Estimate:
        """Estimate each slot from the slots down to it."""
        weight_NK = evidence.prefix_weights
        return Estimate((weight_NK * evidence.reward_NK).sum(1), weight_NK)
