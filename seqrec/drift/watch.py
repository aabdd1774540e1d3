"""A log in windows, each held against the sessions of the reference."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqrec.drift.bars import bars, rate, statistic
from seqrec.drift.units import Counts, Units
from seqrec.evidence.finding import Verdict

FEWEST = 30  # sessions of a window, and of the reference
DRIFT, STEADY, FEW = "drift", "steady", "too few sessions"


@dataclass(frozen=True)
class Window:
    """What a window of the log says.

    Args:
        begun: first millisecond.
        sessions: how many began in it.
        value: each statistic; empty if there are too few sessions.
        bar: what each may not exceed.
        rate: the rates among them, as they are.
    """

    begun: int
    sessions: int
    value: dict[str, float]
    bar: dict[str, float]
    rate: dict[str, float]

    @property
    def alarms(self) -> list[str]:
        """The statistics that exceed their bars."""
        return [name for name, value in self.value.items() if value > self.bar[name]]

    @property
    def state(self) -> str:
        """Whether it drifts."""
        if not self.value:
            return FEW
        return DRIFT if self.alarms else STEADY

    def plain(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {**vars(self), "state": self.state, "alarms": self.alarms}


def watch(
    units: Units, *, until: int, end: int, span: int, alpha: float, replays: int
) -> tuple[int, list[Window]]:
    """Hold each window after the reference against it.

    Args:
        units: the sessions.
        until: the reference's end and the first window's begin, in milliseconds.
        end: the end of the log.
        span: milliseconds of a window.
        alpha: share of windows without drift that may be alarmed.
        replays: draws for the bars.

    Returns:
        The number of sessions of the reference, and the windows; none if that number is below
        :data:`FEWEST`.
    """
    before_S = units.begun_S < until
    reference = _part(units, before_S)
    size = int(before_S.sum())
    if size < FEWEST:
        return size, []
    made: dict[int, dict[str, float]] = {}
    windows = []
    for begun in range(until, end + 1, span):
        chosen_S = (units.begun_S >= begun) & (units.begun_S < begun + span)
        sessions = int(chosen_S.sum())
        if sessions < FEWEST:
            windows.append(Window(begun, sessions, {}, {}, {}))
            continue
        if sessions not in made:
            made[sessions] = bars(reference, window=sessions, replays=replays, alpha=alpha)
        windows.append(_window(begun, sessions, _part(units, chosen_S), reference, made[sessions]))
    return size, windows


def verdict_of(windows: list[Window]) -> Verdict:
    """Return fail if a window drifts, can't say if none could be judged, and else pass."""
    states = {window.state for window in windows}
    if DRIFT in states:
        return Verdict.FAIL
    return Verdict.PASS if STEADY in states else Verdict.CANT_SAY


def _window(
    begun: int,
    sessions: int,
    now: dict[str, Counts],
    reference: dict[str, Counts],
    bar: dict[str, float],
) -> Window:
    sums = {name: (now[name].sum_SB.sum(0), reference[name].sum_SB.sum(0)) for name in now}
    value = {
        name: float(statistic(*sums[name], now[name], target=now[name].target)) for name in now
    }
    rates = {name: float(rate(sums[name][0])) for name in now if now[name].is_rate}
    return Window(begun, sessions, value, bar, rates)


def _part(units: Units, chosen_S: NDArray[np.bool_]) -> dict[str, Counts]:
    """Return the counts of some sessions."""
    return {
        name: replace(counts, sum_SB=counts.sum_SB[chosen_S])
        for name, counts in units.counts.items()
    }
