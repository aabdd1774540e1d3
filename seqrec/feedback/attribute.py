"""Outcomes to the slots that they answer to."""

import polars as pl

from seqrec.feedback.read import Feedback

MINUTE = 60_000


def attribute(
    feedback: Feedback, *, window: int = 30 * MINUTE, event: str | None = "click"
) -> tuple[pl.DataFrame, dict[str, int]]:
    """Join outcomes to the slates that showed their items.

    An outcome counts for the slot of its request that shows its item, if it came no later than
    `window` after the slate. Several outcomes of one slot add their values.

    Args:
        feedback: a log.
        window: longest time from slate to outcome, in milliseconds.
        event: the outcomes that count; None: all.

    Returns:
        The slates with a further column ``rewards``, a list with the value of each slot; and how
        many outcomes were ``counted``, ``other`` events, ``orphans`` (no such slate, or it doesn't
        show the item), ``late``, ``early`` (before their slate) or ``spoiled`` (their value isn't
        finite).
    """
    places = feedback.slates.select(
        "request_id",
        pl.col("time").alias("shown"),
        pl.col("items").alias("item"),
        pl.int_ranges(0, pl.col("items").list.len()).alias("at"),
    ).explode("item", "at", empty_as_null=False)
    places = places.unique(["request_id", "item"], keep="first", maintain_order=True)
    found = feedback.outcomes.join(places, on=["request_id", "item"], how="left")
    after = pl.col("time") - pl.col("shown")
    fate = (
        pl.when(pl.lit(event is not None) & (pl.col("event") != (event or "")))
        .then(pl.lit("other"))
        .when(~pl.col("value").is_finite())
        .then(pl.lit("spoiled"))
        .when(pl.col("shown").is_null())
        .then(pl.lit("orphans"))
        .when(after < 0)
        .then(pl.lit("early"))
        .when(after > window)
        .then(pl.lit("late"))
        .otherwise(pl.lit("counted"))
    )
    found = found.with_columns(fate.alias("fate"))
    counts = dict(found["fate"].value_counts().iter_rows())
    earned = (
        found.filter(fate="counted")
        .group_by("request_id", "at")
        .agg(pl.col("value").sum())
        .join(places, on=["request_id", "at"], how="right")
        .sort("request_id", "at")
        .group_by("request_id", maintain_order=True)
        .agg(pl.col("value").fill_null(0.0).alias("rewards"))
    )
    slates = feedback.slates.join(earned, on="request_id", how="left", maintain_order="left")
    slates = slates.with_columns(pl.col("rewards").fill_null(pl.lit([], pl.List(pl.Float64))))
    fates = ("counted", "other", "orphans", "late", "early", "spoiled")
    return slates, {name: counts.get(name, 0) for name in fates}
