"""A log and a target to estimates, and to whether they can be trusted."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from seqrec.bundle import Bundle
from seqrec.clock import iso_time
from seqrec.estimator import Estimate, Estimator, Evidence
from seqrec.offpolicy.arrays import DAY, Ints, Slates, arrays_of
from seqrec.offpolicy.evidence import Cover, Pair, evidence_of, joined
from seqrec.offpolicy.prediction import fit
from seqrec.offpolicy.sift import Sifted, sift
from seqrec.offpolicy.slices import slices_of
from seqrec.offpolicy.target import check_readable, rescore
from seqrec.offpolicy.verdict import Row, Z, clipped, doubt_of, row_of
from seqrec.policy import Policy

DAYS = 3660  # most days that are listed


@dataclass(frozen=True)
class Target:
    """What might be shown instead.

    Args:
        policy: chooses the slates; None: the one that did.
        bundle: scores the candidates; None: with the logged scores.
        own: the bundle's candidates are the best of its catalogue; else those that are logged.
    """

    policy: Policy | None = None
    bundle: Bundle | None = None
    own: bool = True


@dataclass(frozen=True)
class Study:
    """What a log says about a target.

    Args:
        rows: what each estimator says.
        facts: of the log and its weights, by name.
        days: by day (UTC): slates, what production earned and what the target would have.
        slices: what the first estimator says of parts of the slates, each by itself.
        clips: what the first estimator's weights give if they are bounded.
    """

    rows: list[Row]
    facts: dict[str, Any]
    days: list[dict[str, Any]]
    slices: list[dict[str, Any]]
    clips: list[dict[str, Any]]

    def plain(self) -> dict[str, Any]:
        """Return it as plain values, for JSON."""
        rows = [{**vars(row), "says": row.says} for row in self.rows]
        plain = {"estimates": rows, **self.facts, "days": self.days}
        plain |= {"slices": self.slices, "clips": self.clips}
        return _finite(plain)


def study(
    slates: pl.DataFrame,
    target: Target,
    estimators: Mapping[str, Estimator],
    *,
    bundle: str | None = None,
    seed: int = 0,
) -> Study:
    """Estimate what slates of a target would have earned.

    Args:
        slates: of a log, with ``rewards``, as :func:`~seqrec.feedback.attribute` returns them.
        target: what might be shown instead.
        estimators: by name; the first is followed by day and by slice.
        bundle: first characters of the sha of the bundle that scored the slates; None: that of the
            most slates.
        seed: of the slates that are drawn.

    Raises:
        DataError: no slate can be used, or the target knows no history.
        ConfigError: the target reads more than a log holds.
    """
    sifted = sift(slates, bundle=bundle)
    evidence, cover, row_N, unknown = _evidence(sifted, target, estimators, seed)
    kept, spoiled = len(sifted.slates), sifted.left_out["spoiled"]
    wrong = spoiled / (kept + spoiled)
    doubt, used = doubt_of(cover, wrong), sifted.slates[row_N]
    rows = [row_of(name, each, evidence, doubt=doubt) for name, each in estimators.items()]
    first = next(iter(estimators.values()))
    weights = evidence.weights
    production = float(evidence.earned.mean())
    facts = {
        "bundle": sifted.bundle,
        "slates": len(evidence),
        "sessions": len(np.unique(evidence.session_N)),
        "production": production,
        "production_error": _error(evidence),
        "left_out": {**sifted.left_out, "unknown_history": unknown},
        "support": float(cover.support_N.mean()),
        "overlap": float(cover.overlap_N.mean()),
        "weights": {
            "mean": float(weights.mean()),
            "quantile_99": float(np.quantile(weights, 0.99)),
            "largest": float(weights.max()),
        },
    }
    return Study(
        rows=rows,
        facts=facts,
        days=_days(evidence, used["time"].to_numpy() // DAY, first),
        slices=_slices(evidence, cover, used, first, wrong),
        clips=clipped(first(evidence), evidence.reward_NK),
    )


def _finite(value: Any) -> Any:
    """Return plain values without infinite numbers, which JSON lacks: None stands for them."""
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _evidence(
    sifted: Sifted, target: Target, estimators: Mapping[str, Estimator], seed: int
) -> tuple[Evidence, Cover, Ints, int]:
    """Return evidence and cover, the row of each slate, and how many the target can't answer."""
    arrays, ids = arrays_of(sifted.slates)
    row_N = np.arange(len(arrays))
    text_N, ranked, items, unknown = sifted.slates["policy"].to_numpy(), arrays.candidates, 0, 0
    if target.bundle is not None:
        check_readable(target.bundle)
        most = _most(target.policy, sifted, arrays) if target.own else None
        found = rescore(target.bundle, sifted.slates["history"], ids, ranked, most=most)
        arrays, text_N, ranked = arrays.rows(found.known_N), text_N[found.known_N], found.ranked
        row_N = row_N[found.known_N]
        items, unknown = found.items, int((~found.known_N).sum())
    prediction = fit(arrays, max(items, len(ids)))
    needs = frozenset().union(*(estimator.needs for estimator in estimators.values()))
    rng, parts, rows = np.random.default_rng(seed), [], []
    for text in np.unique(text_N):
        chosen_N = text_N == text
        logging = sifted.policies[text]
        pair = Pair(logging, target.policy or logging)
        parts.append(
            evidence_of(
                arrays.rows(chosen_N), ranked.rows(chosen_N), pair, prediction,
                needs=needs, rng=rng,
            )
        )  # fmt: skip
        rows.append(row_N[chosen_N])
    evidence = joined([evidence for evidence, _ in parts])
    return evidence, joined([cover for _, cover in parts]), np.concatenate(rows), unknown


def _most(policy: Policy | None, sifted: Sifted, arrays: Slates) -> int:
    """Return from how many candidates the target chooses."""
    policies = [policy] if policy else list(sifted.policies.values())
    return max(arrays.item_NK.shape[1], *(each.candidates or 0 for each in policies), 1)


def _days(evidence: Evidence, day_N: Ints, estimator: Estimator) -> list[dict[str, Any]]:
    """Return a row for each day from the first to the last, those without slates too."""
    first, last = int(day_N.min()), int(day_N.max())
    every = range(first, last + 1) if last - first < DAYS else np.unique(day_N).tolist()
    rows = []
    for day in every:
        there = evidence.rows(day_N == day)
        row: dict[str, Any] = {"day": iso_time(day * DAY), "slates": len(there)}
        if len(there):
            estimate = estimator(there)
            row["production"] = float(there.earned.mean())
            row["value"] = estimate.value
            row["margin"] = Z * estimate.error(there.session_N)
        rows.append(row)
    return rows


def _slices(
    evidence: Evidence, cover: Cover, slates: pl.DataFrame, estimator: Estimator, wrong: float
) -> list[dict[str, Any]]:
    """Return a row for each slice, which has support and effective slates of its own to show."""
    found = []
    for by, name, inside_N in slices_of(slates):
        there = evidence.rows(inside_N)
        row = row_of(name, estimator, there, doubt=doubt_of(cover.rows(inside_N), wrong))
        told = {key: value for key, value in vars(row).items() if key != "estimator"}
        production = float(there.earned.mean())
        about = {"by": by, "slice": name, "slates": len(there), "production": production}
        found.append({**about, **told, "says": row.says})
    return found


def _error(evidence: Evidence) -> float:
    """Return the standard error of what production earned."""
    return Estimate(evidence.earned, np.ones((len(evidence), 1))).error(evidence.session_N)
