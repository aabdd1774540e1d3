"""The bundle finds what sessions took next, overall and in each slice."""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from seqrec.evidence.evidence import Asked, Codes, Evidence, Floats
from seqrec.evidence.finding import Check, Finding, Verdict, cant_say, surely_at_least
from seqrec.evidence.means import clustered
from seqrec.evidence.sequence import Interval

Masks = dict[str, NDArray[np.bool_]]
SHORT, LONG = 5, 20  # events of a history
FEWEST = 30  # sessions of a slice that is judged


class Quality:
    """NDCG of the item that a session took next, relative to the live bundle's.

    The requests are those that the candidate carries, held out of its training. Of a bundle without
    any, they are those after which a session of the log found an item without a list: what was
    chosen from a list of the live bundle would favour it. A few hundred can't tell small losses, so
    where this gate can't say, it stops nobody: the canary will.

    Args:
        loss: what it may lose overall, relative to the live bundle.
        slice_loss: what no slice may be shown to lose.
        alpha: how often a good candidate may fail by chance.
    """

    order: ClassVar[int] = 4
    needs: ClassVar[str] = "held"
    compares: ClassVar[bool] = True
    optional: ClassVar[bool] = True
    bounds: ClassVar[dict[str, tuple[float, float]]] = {
        "loss": (0, 1),
        "slice_loss": (0, 1),
        "alpha": (0, 1),
    }

    def __init__(self, *, loss: float, slice_loss: float, alpha: float) -> None:
        self.loss, self.slice_loss, self.alpha = loss, slice_loss, alpha

    def __call__(self, evidence: Evidence) -> Finding:
        """Compare overall, then slice by slice."""
        asked = evidence.held
        assert asked is not None
        told_N = asked.target_N >= 0
        new_N, old_N = (ndcg(list_NK, asked.target_N) for list_NK in _lists(asked))
        if not told_N.any() or not old_N.any():
            return cant_say("NDCG", "no next item was in a list")
        gain = relative(new_N[told_N], old_N[told_N], asked.session_N[told_N], self.alpha)
        checks = [surely_at_least("relative NDCG", gain, -self.loss)]
        worst = self._worst(asked, new_N, old_N, told_N)
        return Finding((*checks, worst))

    def _worst(self, asked: Asked, new_N: Floats, old_N: Floats, told_N: NDArray) -> Check:
        """Check the slice whose interval lies lowest, with alpha shared among the slices."""
        slices = slices_of(asked)
        found = {}
        for name, mask_N in slices.items():
            some_N = mask_N & told_N
            if len(np.unique(asked.session_N[some_N])) >= FEWEST and old_N[some_N].any():
                found[name] = relative(
                    new_N[some_N],
                    old_N[some_N],
                    asked.session_N[some_N],
                    self.alpha / len(slices),
                )
        if not found:
            why = f"no slice has {FEWEST} sessions"
            return Check("worst slice", Verdict.CANT_SAY, None, -self.slice_loss, why)
        name, gain = min(found.items(), key=lambda each: each[1].upper)
        lost = gain.upper < -self.slice_loss
        return Check(
            "worst slice",
            Verdict.FAIL if lost else Verdict.PASS,
            gain.estimate,
            -self.slice_loss,
            f"{name}: {gain.lower:.3f} to {gain.upper:.3f}, {gain.units:,} sessions",
        )


def ndcg(list_NK: Codes, target_N: Codes) -> Floats:
    """Return 1 / log2(1 + rank) of each target in its list, and 0 where it isn't in it."""
    hit_NK = (list_NK == target_N[:, None]) & (target_N >= 0)[:, None]
    return np.asarray(hit_NK @ (1 / np.log2(np.arange(2, list_NK.shape[1] + 2))))


def relative(new_N: Floats, old_N: Floats, session_N: Codes, alpha: float) -> Interval:
    """Return the relative difference of two means over the same requests, and its interval.

    The interval is that of the mean of (new - ratio old) / mean(old), the linearised ratio.
    """
    base = float(old_N.mean())
    ratio = float(new_N.mean()) / base
    spread = clustered((new_N - ratio * old_N) / base, session_N, alpha=alpha)
    shift = ratio - 1 - spread.estimate
    return Interval(ratio - 1, spread.lower + shift, spread.upper + shift, spread.units)


def slices_of(asked: Asked) -> Masks:
    """Return the requests of each slice: by the history's length, and by how popular the target is.

    The head are the most taken items that together have half of what sessions took.
    """
    order = np.argsort(-asked.taken_V, kind="stable")
    before = np.cumsum(asked.taken_V[order]) - asked.taken_V[order]
    head_V = np.zeros(len(asked.taken_V), dtype=bool)
    head_V[order[before < asked.taken_V.sum() / 2]] = True
    of_head_N = head_V[asked.target_N] & (asked.target_N >= 0)
    return {
        f"histories of up to {SHORT}": asked.length_N <= SHORT,
        f"histories of {SHORT + 1} to {LONG}": (asked.length_N > SHORT) & (asked.length_N <= LONG),
        f"histories of more than {LONG}": asked.length_N > LONG,
        "popular targets": of_head_N,
        "rare targets": ~of_head_N,
    }


def _lists(asked: Asked) -> tuple[Codes, Codes]:
    return asked.candidate_NK, asked.live_NK
