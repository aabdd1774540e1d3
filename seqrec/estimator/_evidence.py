"""What estimators take and give."""

from dataclasses import dataclass, fields
from functools import cached_property
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Evidence:
    """Slates that a policy showed, and what is known about them.

    Of ``N`` slates with up to ``K`` slots. An absent slot has reward and predictions 0, and
    probabilities 1.

    Args:
        reward_NK: what each slot earned.
        logged_NK: probability of each slot's item given the slots above, when it was shown.
        target_NK: the same under the target.
        logged_slot_NK: probability that the slot shows the item, whatever is above.
        target_slot_NK: the same under the target.
        predicted_NK: what a model predicts that each slot earns.
        expected_NK: what it predicts for the slot if the target fills it, below the logged slots.
        expected_N: what it predicts for the target's slates.
        additive_N: weight of each slate if what it earns is a sum over its slots.
        session_N: number of the session of each slate; slates of a session aren't independent.
    """

    reward_NK: Floats
    logged_NK: Floats
    target_NK: Floats
    logged_slot_NK: Floats
    target_slot_NK: Floats
    predicted_NK: Floats
    expected_NK: Floats
    expected_N: Floats
    additive_N: Floats
    session_N: Ints

    def __len__(self) -> int:
        return len(self.reward_NK)

    @cached_property
    def earned(self) -> Floats:
        """What each slate earned."""
        return self.reward_NK.sum(1)

    @cached_property
    def prefix_weights(self) -> Floats:
        """How much likelier the target shows the slots down to each: products of ratios."""
        return np.asarray(np.cumprod(self.target_NK / self.logged_NK, axis=1), np.float64)

    @cached_property
    def weights(self) -> Floats:
        """How much likelier the target shows each slate."""
        return np.prod(self.target_NK / self.logged_NK, axis=1)

    def rows(self, chosen_N: NDArray[np.bool_]) -> "Evidence":
        """Return some of the slates."""
        return Evidence(*(getattr(self, field.name)[chosen_N] for field in fields(self)))


@dataclass(frozen=True)
class Estimate:
    """An estimate, as a mean of a term for each slate.

    Args:
        term_N: their mean is the estimate; their spread is that of the estimate, to first order.
        weight_NJ: the weights that it rests on: one a slate, or one a slot.
    """

    term_N: Floats
    weight_NJ: Floats

    @property
    def value(self) -> float:
        """What a slate earns on average."""
        return float(self.term_N.mean())

    def error(self, session_N: Ints) -> float:
        """Return the standard error, where sessions are independent and their slates may not be.

        With one session it is infinite.
        """
        _, number_N = np.unique(session_N, return_inverse=True)
        off_S = np.bincount(number_N, self.term_N - self.value)
        if len(off_S) < 2:
            return float("inf")
        scale = len(off_S) / (len(off_S) - 1)
        return float(np.sqrt(scale * (off_S**2).sum()) / len(self.term_N))

    def effective(self, reward_NK: Floats) -> float:
        """Return the effective number of slates (Kish 1965).

        Of weights for each slot, it is the harmonic mean over slots, by what they earned: the slots
        with the fewest decide.
        """
        total_J, square_J = self.weight_NJ.sum(0), (self.weight_NJ**2).sum(0)
        earned_J = np.abs(reward_NK).sum(0) if len(total_J) > 1 else np.ones(1)
        if not earned_J.any():
            earned_J = np.ones_like(earned_J)
        counts = earned_J > 0
        if not (total_J[counts] > 0).all():
            return 0.0
        inverse_J = square_J[counts] / total_J[counts] ** 2
        return float(1 / np.average(inverse_J, weights=earned_J[counts]))


class Estimator(Protocol):
    """An estimator of what a slate of the target earns on average.

    ``needs`` names what it reads beside rewards and propensities: ``model`` (``predicted_NK``,
    ``expected_NK``), ``slates`` (``expected_N``), ``slots`` (``*_slot_NK``) and ``pairs``
    (``additive_N``); the last three take time. ``difference`` says that 0 means as much as
    production.
    """

    difference: ClassVar[bool]

    @property
    def needs(self) -> frozenset[str]:
        """What it reads beside rewards and propensities."""
        ...

    def __call__(self, evidence: Evidence) -> Estimate:
        """Estimate from slates; there is at least one."""
        ...


def over_mean(weight_N: Floats) -> Floats:
    """Return weights divided by their mean; all 0 if they are."""
    mean = weight_N.mean()
    return weight_N / mean if mean > 0 else np.zeros_like(weight_N)
