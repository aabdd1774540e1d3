"""Intervals that stay valid however often, and whenever, one looks at them."""

from dataclasses import dataclass
from math import log

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
FEWEST = 100  # units of each arm before an interval says anything: it is right for many


@dataclass(frozen=True)
class Interval:
    """An estimate and its interval.

    Args:
        estimate: the mean.
        lower: the lower end.
        upper: the upper end.
        units: how many observations it is of.
    """

    estimate: float
    lower: float
    upper: float
    units: int


def contributions(reward_N: ArrayLike, new_N: ArrayLike, *, share: float) -> Floats:
    """Return what each unit says about the difference of two arms: their mean estimates it.

    The doubly robust contribution of Robins, Rotnitzky and Zhao (JASA 1994) with the share of a
    known draw, and with the means of both arms before the unit, which don't depend on it.

    Args:
        reward_N: (N,) in the order in which the units came.
        new_N: (N,) whether a unit was drawn into the new arm.
        share: of the units that are drawn into it, above 0 and below 1.
    """
    reward, new = np.asarray(reward_N, np.float64), np.asarray(new_N, bool)
    before = {arm: _mean_before(reward, drawn) for arm, drawn in (("new", new), ("old", ~new))}
    weighted_new = np.where(new, (reward - before["new"]) / share, 0.0)
    weighted_old = np.where(new, 0.0, (reward - before["old"]) / (1 - share))
    return np.asarray(before["new"] - before["old"] + weighted_new - weighted_old)


def half_width(variance_N: ArrayLike, *, alpha: float = 0.05, tightest: int = 10_000) -> Floats:
    """Return the half-widths of an interval of a mean after each observation.

    With probability 1 - alpha *all* of these intervals hold the mean at once, so one may look at
    any time and stop for any reason. They are the asymptotic confidence sequence of Waudby-Smith,
    Arbour, Sinha, Kennedy and Ramdas, "Time-uniform central limit theory and asymptotic confidence
    sequences" (Annals of Statistics 2024), theorem 2.2: what the central limit theorem is for one
    look, it is for all.

    Args:
        variance_N: (N,) of an observation, as estimated after each.
        alpha: how often the sequence may miss the mean.
        tightest: after how many observations it is tightest (equation 24).
    """
    variance = np.asarray(variance_N, np.float64)
    t = np.arange(1, variance.size + 1)
    rho = (-2 * log(alpha) + log(-2 * log(alpha)) + 1) / tightest  # its square
    known = t * rho + 1
    spread = 2 * known / (t**2 * rho) * np.log(np.sqrt(known) / alpha)
    return np.asarray(np.sqrt(variance * spread))


def differences(
    reward_N: ArrayLike,
    new_N: ArrayLike,
    *,
    share: float,
    alpha: float = 0.05,
    tightest: int = 10_000,
) -> tuple[Floats, Floats]:
    """Return, after each unit, an always-valid interval of what the new arm earns more.

    An arm with few units may by chance have earned nothing, and then its own variance is too small;
    so the variance is never taken to be below that of two arms which don't differ. Until each has
    :data:`FEWEST` units, the interval is infinite.

    Args:
        reward_N: (N,) in the order in which the units came.
        new_N: (N,) whether a unit was drawn into the new arm.
        share: of the units that are drawn into it, above 0 and below 1.
        alpha: how often the sequence may miss the difference.
        tightest: after how many units it is tightest.

    Returns:
        The estimates and half-widths, (N,) each.
    """
    reward, new = np.asarray(reward_N, np.float64), np.asarray(new_N, bool)
    t = np.arange(1, reward.size + 1)
    said = contributions(reward, new, share=share)
    alike = _variance(reward, t) / (share * (1 - share))
    variance = np.maximum(_variance(said, t), alike)
    half = half_width(variance, alpha=alpha, tightest=tightest)
    seen = np.minimum(np.cumsum(new), np.cumsum(~new))
    return np.cumsum(said) / t, np.where(seen < FEWEST, np.inf, half)


def difference(
    reward_N: ArrayLike,
    new_N: ArrayLike,
    *,
    share: float,
    alpha: float = 0.05,
    tightest: int = 10_000,
) -> Interval:
    """Return the latest interval of :func:`differences`; it is infinite without units."""
    units = int(np.size(new_N))
    if not 0 < share < 1 or not units:
        return Interval(0.0, -np.inf, np.inf, units)
    mean, half = differences(reward_N, new_N, share=share, alpha=alpha, tightest=tightest)
    return Interval(float(mean[-1]), float(mean[-1] - half[-1]), float(mean[-1] + half[-1]), units)


def _variance(values: Floats, t: NDArray[np.integer]) -> Floats:
    """Return the variance of the values up to each."""
    return np.asarray(np.maximum(np.cumsum(values**2) / t - (np.cumsum(values) / t) ** 2, 0))


def _mean_before(reward: Floats, drawn: NDArray[np.bool_]) -> Floats:
    """Return the mean of an arm before each unit; before its first, that of nothing, 0."""
    total = np.cumsum(np.where(drawn, reward, 0.0)) - np.where(drawn, reward, 0.0)
    units = np.maximum(np.cumsum(drawn) - drawn, 1)
    return np.asarray(total / units)
