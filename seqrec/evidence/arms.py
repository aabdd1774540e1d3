"""What the sessions of a canary earned, and those of the live bundle beside it."""

import numpy as np
import polars as pl

from seqrec.evidence.evidence import Arms
from seqrec.feedback import Feedback, attribute

MINUTE = 60_000


def arms_of(
    feedback: Feedback,
    *,
    canary: str,
    live: str,
    share: float,
    since: int,
    event: str,
    window: int = 30 * MINUTE,
) -> Arms:
    """Return the share of each session's lists that were used, since the canary began.

    A session counts when its last list is older than `window`, so that what it earned is known. One
    that both bundles answered doesn't count.

    Args:
        feedback: the log.
        canary: sha of the canary.
        live: sha of the live bundle.
        share: of the sessions that are drawn for the canary.
        since: when it began, in milliseconds.
        event: what counts as using a list.
        window: longest time from a list to its use, in milliseconds.
    """
    slates = attribute(feedback, window=window, event=event)[0]
    known = slates.filter(pl.col("bundle").is_in([canary, live]), pl.col("time") >= since)
    times = pl.concat([feedback.slates["time"], feedback.outcomes["time"]])
    end = int(times.to_numpy().max(initial=0))
    sessions = (
        known.group_by("session")
        .agg(
            pl.col("time").min().alias("begun"),
            pl.col("time").max().alias("last"),
            pl.col("bundle").n_unique().alias("bundles"),
            pl.col("bundle").first(),
            (pl.col("rewards").list.sum() > 0).mean().alias("reward"),
        )
        .filter(pl.col("last") <= end - window, pl.col("bundles") == 1)
        .sort("begun", "session")
    )
    return Arms(
        reward_N=sessions["reward"].to_numpy().astype(np.float64),
        canary_N=(sessions["bundle"] == canary).to_numpy(),
        share=share,
    )
