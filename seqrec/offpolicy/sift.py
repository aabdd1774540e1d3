"""The slates of a log that can tell something about other policies."""

import json
from dataclasses import dataclass

import polars as pl

from seqrec.errors import DataError, SeqrecError
from seqrec.feedback import stands_in
from seqrec.policy import POLICIES, Policy

WHY = {  # why slates are left out
    "other_bundle": "scored by another bundle",
    "unknown_policy": "shown by a policy that isn't known here",
    "fallback": "shown in place of a list that the model didn't give",
    "greedy": "shown by a policy that draws nothing",
    "empty": "without items or candidates",
    "spoiled": "with propensities that aren't above 0 and at most 1, or unknown items",
}


@dataclass(frozen=True)
class Sifted:
    """Slates that can be used, and how many can't.

    Args:
        slates: with the columns of a log and ``rewards``.
        policies: by the text of their column ``policy``.
        bundle: the sha of the bundle that scored them.
        left_out: how many slates were left out, by the keys of :data:`WHY`.
    """

    slates: pl.DataFrame
    policies: dict[str, Policy]
    bundle: str
    left_out: dict[str, int]


def sift(slates: pl.DataFrame, *, bundle: str | None = None) -> Sifted:
    """Keep the slates that one bundle scored and a policy that explores showed.

    Args:
        slates: of a log, with ``rewards``.
        bundle: first characters of the bundle's sha; None: the one with the most slates.

    Raises:
        DataError: nothing is left; the message says why.
    """
    if slates.is_empty():
        raise DataError("the log has no slates", todo="serve from it, and wait for requests")
    sha = _bundle(slates, bundle)
    found = {text: _policy(text) for text in slates["policy"].unique()}
    unknown = [text for text, policy in found.items() if policy is None]
    greedy = [text for text, policy in found.items() if policy and not policy.explores]
    propensity = pl.col("propensities").list
    sound = propensity.eval((pl.element() > 0) & (pl.element() <= 1) & ~pl.element().is_nan())
    known = pl.col("items").list.set_difference("candidates").list.len() == 0
    once = pl.all_horizontal(
        pl.col(name).list.n_unique() == pl.col(name).list.len() for name in ("items", "candidates")
    )
    finite = pl.col("candidate_scores").list.eval(pl.element().is_finite()).list.all()
    fate = (
        pl.when(pl.col("bundle") != sha)
        .then(pl.lit("other_bundle"))
        .when(stands_in())
        .then(pl.lit("fallback"))
        .when(pl.col("policy").is_in(unknown))
        .then(pl.lit("unknown_policy"))
        .when(pl.col("policy").is_in(greedy))
        .then(pl.lit("greedy"))
        .when(
            (pl.col("items").list.len() == 0) | (pl.col("candidates").list.len().fill_null(0) == 0)
        )
        .then(pl.lit("empty"))
        .when(sound.list.eval(pl.element().fill_null(False)).list.all() & known & once & finite)
        .then(pl.lit("kept"))
        .otherwise(pl.lit("spoiled"))
    )
    judged = slates.with_columns(fate.alias("fate"))
    counts = dict(judged["fate"].value_counts().iter_rows())
    kept = judged.filter(fate="kept").drop("fate")
    if kept.is_empty():
        raise _nothing(counts, sha)
    policies = {text: policy for text, policy in found.items() if policy is not None}
    return Sifted(kept, policies, sha, {name: counts.get(name, 0) for name in WHY})


def settings(text: str) -> dict[str, object]:
    """Return the name and parameters of a policy as a log has them; none if they can't be read."""
    try:
        read = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}


def _policy(text: str) -> Policy | None:
    said = settings(text)
    name = said.pop("name", None)
    if name not in POLICIES.names():
        return None
    try:
        options = {f"{name}.{key}": json.dumps(value) for key, value in said.items()}
        return POLICIES.build(POLICIES.settings_of([str(name)], options))[str(name)]
    except SeqrecError:
        return None


def _bundle(slates: pl.DataFrame, given: str | None) -> str:
    counts = slates["bundle"].value_counts(sort=True).sort("count", "bundle", descending=True)
    shas = [sha for sha in counts["bundle"] if given is None or sha.startswith(given)]
    if not shas:
        there = ", ".join(sha[:12] for sha in counts["bundle"][:5])
        raise DataError(
            f"no slate was scored by a bundle {given}",
            where="bundle",
            todo=f"choose one of those that scored slates: {there}",
        )
    return str(shas[0])


def _nothing(counts: dict[str, int], sha: str) -> DataError:
    greedy = counts.get("greedy", 0)
    if greedy:
        return DataError(
            f"the log can't tell: its {greedy:,} slates were shown by a policy that draws nothing, "
            "so what else could have been shown never was",
            where="policy",
            todo="serve with policy=plackett_luce for a while, and estimate from that log",
        )
    why = "; ".join(f"{n:,} {WHY[name]}" for name, n in counts.items() if name != "other_bundle")
    return DataError(f"no slate of bundle {sha[:12]} can be used: {why}", where="log")
