"""How often the intervals of estimators hold what is true.

    python tests/helpers/covering.py 400
    python tests/helpers/covering.py error 100000

It should be in 93 to 97 % of 400 runs; the second gives the relative error at so many slates.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import numpy as np  # noqa: E402

from helpers.components import component, names  # noqa: E402
from helpers.evidence import evidence_of, value_of  # noqa: E402
from seqrec.policy.plackett_luce import PlackettLuce  # noqa: E402


def coverage(runs, slates=1000, seed=0):
    """Return for each estimator how often its 95 % interval holds the target's true value."""
    logging, target = PlackettLuce(temperature=1.0), PlackettLuce(temperature=0.5)
    options = {"switch_dr": {"tau": 1e9}}  # a small one is biased, and says so
    estimators = {
        name: component("estimator", name, **options.get(name, {})) for name in names("estimator")
    }
    held, rng = dict.fromkeys(estimators, 0), np.random.default_rng(seed)
    for _ in range(runs):
        evidence = evidence_of(logging, target, slates, rng)
        for name, estimator in estimators.items():
            truth = value_of(target) - (value_of(logging) if estimator.difference else 0)
            estimate = estimator(evidence)
            held[name] += abs(estimate.value - truth) <= 1.96 * estimate.error(evidence.session_N)
    return {name: count / runs for name, count in held.items()}


def errors(slates, seed=0):
    """Return for each estimator how far it is from the target's true value, relative to that."""
    logging, target = PlackettLuce(temperature=1.0), PlackettLuce(temperature=0.5)
    evidence = evidence_of(logging, target, slates, np.random.default_rng(seed))
    found = {}
    for name in names("estimator"):
        estimator = component("estimator", name)
        added = value_of(logging) if estimator.difference else 0.0
        found[name] = abs(estimator(evidence).value + added - value_of(target)) / value_of(target)
    return found


if __name__ == "__main__" and sys.argv[1] == "error":
    for estimator, error in errors(int(sys.argv[2])).items():
        print(f"{estimator:12} {error:.2%}")
elif __name__ == "__main__":
    for estimator, share in coverage(int(sys.argv[1])).items():
        print(f"{estimator:12} {share:.1%}")
