"""Inverse propensities of slots that don't depend on each other."""

from typing import ClassVar

from seqrec.estimator._evidence import Estimate, Evidence


class Iips:
    """Weigh each slot by how much likelier the target shows its item there.

    Unbiased if what a slot earns depends on its own item alone (Li et al. 2018).
    """

    difference: ClassVar[bool] = False
    needs: ClassVar[frozenset[str]] = frozenset({"slots"})

    def __call__(self, evidence: Evidence) -> Estimate:
        """Estimate each slot from its own weight."""
        weight_NK = evidence.target_slot_NK / evidence.logged_slot_NK
        return Estimate((weight_NK * evidence.reward_NK).sum(1), weight_NK)
