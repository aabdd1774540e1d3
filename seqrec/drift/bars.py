"""Bars that a log without drift passes: replays of its reference, by the bootstrap."""

import numpy as np
from numpy.typing import NDArray

from seqrec.drift.units import Counts
from seqrec.evidence.shares import psi

Floats = NDArray[np.float64]
AT_ONCE = 1 << 24  # weights of sessions in replays
NONE_SEEN = 3  # events that a rate of none seen allows: the rule of three


def statistic(now_XB: Floats, then_XB: Floats, counts: Counts, *, target: float | None) -> Floats:
    """Return how far sums of sessions lie apart: PSI of distributions, distance of rates.

    Args:
        now_XB: (..., B) sums of the sessions of a window.
        then_XB: (..., B) sums of the sessions of the reference.
        counts: what they are sums of.
        target: what a rate has to be; None: that of the reference.
    """
    if not counts.is_rate:
        return psi(now_XB, then_XB)
    now, then = rate(now_XB), rate(then_XB) if target is None else target
    return np.asarray(np.abs(now - then))


def rate(sum_XB: Floats) -> Floats:
    """Return what is counted of how many; 0 of none."""
    counted, total = sum_XB[..., 0], sum_XB[..., 1]
    return np.divide(counted, total, out=np.zeros_like(counted), where=total > 0)


def bars(
    reference: dict[str, Counts], *, window: int, replays: int, alpha: float, seed: int = 0
) -> dict[str, float]:
    """Return the bar of each statistic for windows of a number of sessions.

    Windows and references are drawn from the reference's sessions with replacement. The bars are
    equally strict, and so strict that in all but a share alpha of the replays *no* statistic
    exceeds its own (Westfall and Young, "Resampling-Based Multiple Testing", 1993, min-p). What the
    reference never had, replays of it never have: a rate's bar leaves room for three events (Hanley
    and Lippman-Hand, JAMA 1983).

    Args:
        reference: counts of the reference's sessions.
        window: sessions of a window.
        replays: how many to draw.
        alpha: share of windows without drift that may be alarmed.
        seed: of the draws.
    """
    drawn = replayed(reference, window=window, replays=replays, seed=seed)
    values_RT = np.stack(list(drawn.values()), axis=1)
    ordered_RT = np.sort(values_RT, axis=0)
    above_RT = replays - np.stack(
        [
            np.searchsorted(o, v, side="left")
            for o, v in zip(ordered_RT.T, values_RT.T, strict=True)
        ],
        axis=1,
    )  # replays that are at least as far
    rarest_R = np.sort(above_RT.min(axis=1))
    allowed = int(rarest_R[max(0, int(alpha * replays) - 1)])  # p-value of the bars, in replays
    found = dict(zip(drawn, ordered_RT[max(0, replays - allowed)].tolist(), strict=True))
    return {name: max(bar, _least(reference[name], window)) for name, bar in found.items()}


def _least(counts: Counts, window: int) -> float:
    """Return the bar of a rate that three events of a window may reach."""
    if not counts.is_rate or counts.target is not None:
        return 0.0
    return NONE_SEEN / max(1.0, float(counts.sum_SB[:, 1].mean()) * window)


def replayed(
    reference: dict[str, Counts], *, window: int, replays: int, seed: int
) -> dict[str, Floats]:
    """Return the statistics of replays without drift, by name."""
    rng = np.random.default_rng(seed)
    size = len(next(iter(reference.values())).sum_SB)
    step, found = max(1, AT_ONCE // max(1, size)), []
    for first in range(0, replays, step):
        rows = min(step, replays - first)
        now_RS, then_RS = (_drawn(rng, rows, size, take) for take in (window, size))
        found.append(
            {
                name: _replay(now_RS @ counts.sum_SB, then_RS @ counts.sum_SB, counts)
                for name, counts in reference.items()
            }
        )
    return {name: np.concatenate([part[name] for part in found]) for name in reference}


def _replay(now_RB: Floats, then_RB: Floats, counts: Counts) -> Floats:
    """Return a statistic of replays; a rate with a target is as far from that of the reference."""
    if counts.target is None:
        return statistic(now_RB, then_RB, counts, target=None)
    return statistic(now_RB, then_RB, counts, target=float(rate(counts.sum_SB.sum(0))))


def _drawn(rng: np.random.Generator, rows: int, size: int, take: int) -> Floats:
    """Return how often each session is drawn, in each replay."""
    picked_RN = rng.integers(0, size, (rows, take)) + np.arange(rows)[:, None] * size
    weights = np.bincount(picked_RN.ravel(), minlength=rows * size)
    return weights.reshape(rows, size).astype(np.float64)
