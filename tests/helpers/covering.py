"""How often the intervals of estimators hold what is true.

    python tests/helpers/covering.py 400

It should be in 93 to 97 % of 400 runs.
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


if __name__ == "__main__":
    for estimator, share in coverage(int(sys.argv[1])).items():
        print(f"{estimator:12} {share:.1%}")
