"""What every gate promises, and that gates which break a promise are found out."""

from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest

from seqrec.config.choose import Choice
from seqrec.evidence.evidence import Arms, Asked, Beside, Evidence, Value
from seqrec.evidence.finding import Check, Finding, Verdict, at_most
from seqrec.evidence.sequence import Interval

GATES = Choice("gate", key="gate", several="gates")
every = pytest.mark.parametrize("name", GATES.names())
N, K, V = 400, 10, 300


def gate_of(name):
    return GATES.build(GATES.settings_of([name], {}))[name]


def asked(rng, *, candidate=None):
    popular = rng.permutation(V)[(rng.random((N, 4 * K)) ** 2 * V).astype(int)]
    live = np.stack([list(dict.fromkeys(row))[:K] for row in popular.tolist()])
    target = np.where(rng.random(N) < 0.9, live[np.arange(N), rng.integers(0, K, N)], -1)
    return Asked(
        ids=[f"i{at}" for at in range(V)],
        session_N=np.arange(N) // 2,
        length_N=rng.integers(1, 40, N),
        target_N=target,
        candidate_NK=live if candidate is None else candidate,
        live_NK=live,
        taken_V=np.bincount(live.ravel(), minlength=V),
        known_V=np.ones(V, dtype=bool),
    )


def arms(rate):
    """Sessions of which 30 % click with the live bundle, and `rate` with the canary."""
    rng = np.random.default_rng(0)
    canary = rng.random(40_000) < 0.5
    return Arms((rng.random(40_000) < np.where(canary, rate, 0.3)).astype(float), canary, 0.5)


def worth(difference):
    """An off-policy estimate of a list that earns 0.3 in production."""
    return Value(Interval(difference, difference - 0.01, difference + 0.01, 5_000), 0.3)


def beside(requests, *, slower=1.0, failed=()):
    """What a shadow answered to requests, and the live bundle."""
    ms = np.random.default_rng(1).gamma(9, 0.1, len(requests.session_N))
    lists = requests.candidate_NK, requests.live_NK
    return Beside(requests.session_N, *lists, slower * ms, ms, failed)


def same():
    """A candidate that is the live bundle."""
    rng = np.random.default_rng(0)
    ms = rng.gamma(9, 0.1, 200)
    return Evidence(
        faults=(),
        ms={"candidate": ms, "live": ms},
        asked=(requests := asked(rng)),
        held=requests,
        arms=arms(0.3),
        beside=beside(requests),
        value=worth(0.0),
    )


def bad():
    """A candidate that is worse in every respect: one list for everybody, late, and unclicked."""
    good = same()
    lists = np.tile(np.arange(V - K, V), (N, 1))
    requests = asked(np.random.default_rng(0), candidate=lists)
    return replace(
        good,
        held=requests,
        faults=("model.onnx has changed",),
        ms={"candidate": good.ms["live"] * 100, "live": good.ms["live"]},
        asked=requests,
        arms=arms(0.0),
        beside=beside(requests, slower=9.0, failed=("out of memory",) * 40),
        value=worth(-0.2),
    )


def nothing():
    """A candidate of which next to nothing is known."""
    full = same().asked
    parts = ("session_N", "length_N", "target_N", "candidate_NK", "live_NK")
    none = replace(full, **{name: getattr(full, name)[:0] for name in parts})
    none = replace(none, taken_V=np.zeros(V, dtype=int))
    none_yet = Arms(np.zeros(0), np.zeros(0, bool), 0.05)
    doubt = Value(Interval(0.0, -np.inf, np.inf, 0), 0.0, doubt="needs about 900 more slates")
    few = beside(none)
    return replace(same(), asked=none, held=none, arms=none_yet, value=doubt, beside=few)


def check_said(gate):
    """A verdict follows from checks, each a number and its bar, or the reason that it can't say."""
    for evidence in (same(), bad(), nothing()):
        finding = gate(evidence)
        assert finding.checks
        for check in finding.checks:
            assert check.about if check.number is None else np.isfinite(check.number)
            assert check.verdict is Verdict.CANT_SAY or check.bar is not None


def check_same(gate):
    """A bundle that is the live one passes."""
    assert gate(same()).verdict is Verdict.PASS


def check_bad(gate):
    """One that is worse in every respect fails."""
    assert gate(bad()).verdict is Verdict.FAIL


def check_nothing(gate):
    """Nothing fails for want of evidence."""
    assert gate(nothing()).verdict is not Verdict.FAIL


def check_order(gate):
    """The order of requests changes nothing."""
    evidence, mixed = bad(), np.random.default_rng(1).permutation(N)
    parts = ("session_N", "length_N", "target_N", "candidate_NK", "live_NK")
    other = replace(
        evidence.asked, **{name: getattr(evidence.asked, name)[mixed] for name in parts}
    )
    parts = ("session_N", "shadow_NK", "live_NK", "ms_N", "live_ms_N")
    mixed_too = {name: getattr(evidence.beside, name)[mixed] for name in parts}
    shadow = replace(evidence.beside, **mixed_too)
    one, two = gate(evidence), gate(replace(evidence, asked=other, held=other, beside=shadow))
    for mine, theirs in zip(one.checks, two.checks, strict=True):
        assert mine.verdict is theirs.verdict and mine.number == pytest.approx(theirs.number)


PROMISES = [check_said, check_same, check_bad, check_nothing, check_order]


@every
@pytest.mark.parametrize("promise", PROMISES)
def test_every_gate_keeps_its_promises(name, promise):
    promise(gate_of(name))


def test_gates_have_an_order_of_their_own_and_look_at_what_there_is():
    gates = [gate_of(name) for name in GATES.names()]
    assert len({gate.order for gate in gates}) == len(gates)
    assert all(gate.needs in Evidence.__dataclass_fields__ for gate in gates)


class Broken:
    order: ClassVar[int] = 99
    needs: ClassVar[str] = "asked"
    compares: ClassVar[bool] = True
    optional: ClassVar[bool] = False


class Mute(Broken):
    def __call__(self, evidence):
        return Finding(())


class Strict(Broken):
    def __call__(self, evidence):
        return Finding((at_most("anything", 1, 0),))


class Blind(Broken):
    def __call__(self, evidence):
        return Finding((at_most("anything", 0, 0),))


class Unsure(Broken):
    def __call__(self, evidence):
        return Finding((Check("anything", Verdict.CANT_SAY),))


class First(Broken):
    """It looks at the first request alone."""

    def __call__(self, evidence):
        return Finding((at_most("first", float(evidence.asked.session_N[0]), 0),))


@pytest.mark.parametrize(
    ("gate", "promise"),
    [
        (Mute(), check_said),
        (Unsure(), check_said),
        (Strict(), check_same),
        (Unsure(), check_same),
        (Blind(), check_bad),
        (Strict(), check_nothing),
        (First(), check_order),
    ],
)
def test_a_gate_that_breaks_a_promise_is_found_out(gate, promise):
    with pytest.raises(AssertionError):
        promise(gate)
