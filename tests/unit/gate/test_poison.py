"""One in a hundred users pushes an item: the gate sees it, and lets clean updates through.

The model that is updated is counted: what follows an item most often, then what is most popular.
"""

from dataclasses import replace

import numpy as np

from seqrec.evidence.evidence import Asked, Evidence
from seqrec.evidence.finding import Verdict
from seqrec.gate.poison import Poison
from seqrec.gate.stability import Stability

V, K, LENGTH, USERS, ASKED = 200, 10, 12, 6_000, 4_000
GATE = Poison(ratio=2, least=0.005, alpha=0.05)


def sessions(rng, users):
    """Walks over items, each step to a near one or to a popular one."""
    step = rng.integers(-4, 5, (users, LENGTH))
    near = (rng.integers(0, V, (users, 1)) + step.cumsum(1)) % V
    popular = (V * rng.random((users, LENGTH)) ** 3).astype(int)
    return np.where(rng.random((users, LENGTH)) < 0.3, popular, near)


def fakes(rng, users, target):
    """Each takes the target after every popular item, so that it follows them most often."""
    popular = (V * rng.random((users, LENGTH)) ** 3).astype(int)
    popular[:, 1::2] = target
    return popular


def counted(data):
    after = np.zeros((V, V))
    np.add.at(after, (data[:, :-1].ravel(), data[:, 1:].ravel()), 1)
    return after + np.bincount(data.ravel(), minlength=V) / data.size


def lists(model, last_N):
    return np.argsort(-model, axis=1, kind="stable")[last_N, :K]


def asked(rng, *, pushed=None):
    """An update by a tenth more users, asked as a gate asks it."""
    before, more, asking = (sessions(rng, users) for users in (USERS, USERS // 10, ASKED))
    taken = more
    if pushed is not None:
        taken = np.concatenate([more, fakes(rng, USERS // 100, pushed)])  # 1 % of all users
    after = np.concatenate([before, taken])
    return Asked(
        ids=[f"i{at}" for at in range(V)],
        session_N=np.arange(ASKED),
        length_N=np.full(ASKED, LENGTH),
        target_N=np.full(ASKED, -1),
        candidate_NK=lists(counted(after), asking[:, -1]),
        live_NK=lists(counted(before), asking[:, -1]),
        taken_V=np.array([(taken == item).any(1).sum() for item in range(V)]),
        known_V=np.ones(V, dtype=bool),
        pushed_by={} if pushed is None else {pushed: ["s7"]},
    )


def judged(asked, gate=GATE):
    return gate(Evidence(asked=asked))


def test_clean_updates_pass():
    passed = [judged(asked(np.random.default_rng(s))).verdict is Verdict.PASS for s in range(20)]
    assert sum(passed) >= 19  # 95 of 100


def test_a_pushed_item_is_seen_and_named():
    for seed in range(5):
        finding = judged(asked(np.random.default_rng(seed), pushed=150 + seed))
        assert finding.verdict is Verdict.FAIL and finding.checks[0].number > 2
        assert finding.checks[0].about.startswith(f"i{150 + seed} ")
        assert "taken most by s7" in finding.checks[0].about


def test_items_in_few_lists_are_nobodys_concern():
    pushed = asked(np.random.default_rng(0), pushed=150)
    shown = (pushed.candidate_NK == 150).mean()
    for least, verdict in ((shown * 0.9, Verdict.FAIL), (shown * 1.1, Verdict.PASS)):
        assert judged(pushed, Poison(ratio=2, least=least, alpha=0.05)).verdict is verdict


def test_nothing_of_it_shows_in_how_stable_lists_are_on_the_whole():
    """Why the poison gate is there: the lists' mean overlap would let it through."""
    gate = Stability(least=0.8, persistence=0.9, alpha=0.05)
    pushed = asked(np.random.default_rng(0), pushed=150)
    assert judged(pushed, gate).verdict is Verdict.PASS
    assert judged(pushed).verdict is Verdict.FAIL


def test_a_new_item_is_held_against_how_many_sessions_took_it():
    push = asked(np.random.default_rng(0), pushed=150)
    live_NK, known_V = np.where(push.live_NK == 150, 0, push.live_NK), np.arange(V) != 150
    taken_V = np.full(V, 100)
    shown = (push.candidate_NK == 150).mean()
    for share, verdict in ((shown, Verdict.PASS), (shown / 10, Verdict.FAIL)):
        taken_V[150] = share * 100 * V
        new = replace(push, live_NK=live_NK, known_V=known_V, taken_V=taken_V)
        assert judged(new).verdict is verdict
