"""What gates judge a bundle by: plain arrays, so that a gate needs no bundle and no log."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from seqrec.evidence.finding import Finding
from seqrec.evidence.sequence import Interval

Codes = NDArray[np.integer]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Asked:
    """Requests of the log, asked again of both bundles. N requests, lists of K, V items.

    Args:
        ids: original ids of the items, by code.
        session_N: code of the session of each request.
        length_N: events in its history.
        target_N: the item that the session took next, -1 where it took none.
        candidate_NK: what the candidate recommends, best first; -1 ends a shorter list.
        live_NK: what the live bundle recommends.
        taken_V: how many sessions of the log took each item.
        known_V: whether the live bundle can recommend the item.
        pushed_by: the sessions that took each of some items most often, by code.
    """

    ids: list[str]
    session_N: Codes
    length_N: Codes
    target_N: Codes
    candidate_NK: Codes
    live_NK: Codes
    taken_V: Codes
    known_V: NDArray[np.bool_]
    pushed_by: Mapping[int, list[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Arms:
    """What N sessions earned that were drawn between canary and live bundle.

    Args:
        reward_N: a number from 0 to 1 for each session, in the order in which they began.
        canary_N: whether the canary answered it.
        share: of the sessions that are drawn for the canary.
    """

    reward_N: Floats
    canary_N: NDArray[np.bool_]
    share: float


@dataclass(frozen=True)
class Beside:
    """What a shadow answered to N requests, beside the lists of the live bundle.

    Args:
        session_N: code of the session of each request.
        shadow_NK: what the shadow recommends, best first; -1 ends a shorter list.
        live_NK: the best items of the live bundle.
        ms_N: milliseconds that the shadow took.
        live_ms_N: those of the live bundle.
        failed: why the shadow gave no list, of each request of which it didn't.
    """

    session_N: Codes
    shadow_NK: Codes
    live_NK: Codes
    ms_N: Floats
    live_ms_N: Floats
    failed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Value:
    """What a log says of the candidate's lists.

    Args:
        difference: what a list earns more than in production.
        production: what a list earns in production.
        doubt: why that can't be said; None: it can.
    """

    difference: Interval
    production: float
    doubt: str | None = None


@dataclass(frozen=True)
class Evidence:
    """All that is known of a candidate; what is None isn't there.

    Args:
        faults: what is wrong with the candidate by its own tests.
        ms: milliseconds that single requests took, by ``candidate`` and ``live``.
        asked: requests of the log, asked again; None: no log, or nothing is live.
        held: requests whose next item wasn't chosen from a list; None: there are none.
        arms: what canary and live earned; None: there is no canary, or no log.
        beside: what the candidate answered as the shadow; None: it wasn't, or there is no log.
        value: estimates the candidate's value less production's from the log.
        is_first: nothing is live yet, so there is nothing to compare with.
    """

    faults: tuple[str, ...] | None = None
    ms: Mapping[str, Floats] = field(default_factory=dict)
    asked: Asked | None = None
    held: Asked | None = None
    arms: Arms | None = None
    beside: Beside | None = None
    value: Value | None = None
    is_first: bool = False


class Gate(Protocol):
    """What a bundle has to pass.

    Attributes:
        order: gates are asked in this order, cheap ones first.
        needs: the field of the evidence that it looks at; without it, a gate can't say.
        compares: it holds the candidate against what is live, so a first promotion goes without.
        optional: where it can't say, it stops nobody.
    """

    order: ClassVar[int]
    needs: ClassVar[str]
    compares: ClassVar[bool]
    optional: ClassVar[bool]

    def __call__(self, evidence: Evidence) -> Finding:
        """Judge; what it needs is there."""
        ...
