"""What a gate finds: numbers, their bars, and pass, fail or can't say."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from math import isinf
from typing import Any

from seqrec.evidence.means import units_needed
from seqrec.evidence.sequence import Interval


class Verdict(StrEnum):
    """What a number says about its bar."""

    PASS = "pass"
    FAIL = "fail"
    CANT_SAY = "can't say"


@dataclass(frozen=True)
class Check:
    """A number held against its bar.

    Args:
        what: what was measured.
        verdict: what the number says.
        number: None: it couldn't be measured.
        bar: what it has to reach, or may not exceed; None: there is none.
        about: its interval, whom it concerns, what is missing.
    """

    what: str
    verdict: Verdict
    number: float | None = None
    bar: float | None = None
    about: str = ""


@dataclass(frozen=True)
class Finding:
    """What a gate says of a bundle, by its checks."""

    checks: tuple[Check, ...]

    @property
    def verdict(self) -> Verdict:
        """The worst verdict: one failure fails, and one open question leaves it open."""
        said = {check.verdict for check in self.checks}
        return next((v for v in (Verdict.FAIL, Verdict.CANT_SAY) if v in said), Verdict.PASS)

    def plain(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {"verdict": str(self.verdict), "checks": [asdict(check) for check in self.checks]}


def at_least(what: str, number: float, bar: float, about: str = "") -> Check:
    """Check a number that is known exactly."""
    verdict = Verdict.PASS if number >= bar else Verdict.FAIL
    return Check(what, verdict, float(number), bar, about)


def at_most(what: str, number: float, bar: float, about: str = "") -> Check:
    """Check a number that is known exactly."""
    verdict = Verdict.PASS if number <= bar else Verdict.FAIL
    return Check(what, verdict, float(number), bar, about)


def surely_at_least(what: str, interval: Interval, bar: float, *, unit: str = "sessions") -> Check:
    """Check an estimate: an interval that holds the bar leaves it open.

    Args:
        what: what was estimated.
        interval: the estimate.
        bar: what it has to reach.
        unit: what its units are called.
    """
    if interval.lower >= bar:
        verdict = Verdict.PASS
    else:
        verdict = Verdict.FAIL if interval.upper < bar else Verdict.CANT_SAY
    if isinf(interval.upper):
        return Check(what, Verdict.CANT_SAY, None, bar, f"{interval.units:,} {unit} are too few")
    about = f"{interval.lower:.3f} to {interval.upper:.3f}, {interval.units:,} {unit}"
    if verdict is Verdict.CANT_SAY:
        more = units_needed(interval, bar)
        about += f"; needs about {more:,} more" if more else "; needs more"
    return Check(what, verdict, interval.estimate, bar, about)


def cant_say(what: str, why: str) -> Finding:
    """Return a finding that only says what is missing."""
    return Finding((Check(what, Verdict.CANT_SAY, about=why),))
