"""What a shadow answered, beside the lists that were shown."""

import numpy as np
import polars as pl

from seqrec.evidence.evidence import Beside, Codes
from seqrec.feedback import Feedback, stands_in


def beside_of(feedback: Feedback, *, shadow: str, live: str) -> Beside | None:
    """Return the shadow's lists with those of the live bundle; None: it was asked nothing.

    Of a list that was drawn, its best candidates are compared, because chance is no difference
    between models.

    Args:
        feedback: the log.
        shadow: sha of the shadow.
        live: sha of the live bundle.
    """
    best = pl.col("candidates").list.head(pl.col("items").list.len())
    listed = pl.when(pl.col("candidates").list.len() > 0).then(best).otherwise(pl.col("items"))
    shown = feedback.slates.filter(pl.col("bundle") == live, ~stands_in())
    own = feedback.shadows.filter(bundle=shadow).select(
        "request_id", "session", "ms", "shown_ms", "failed", shadow="items"
    )
    pairs = own.join(
        shown.select("request_id", live=listed), on="request_id", maintain_order="left"
    )
    if not len(pairs):
        return None
    gave = pairs.filter(pl.col("failed").is_null())
    shadow_NK, live_NK = _coded(gave["shadow"], gave["live"])
    return Beside(
        session_N=(gave["session"].rank("dense").cast(pl.Int64) - 1).to_numpy(),
        shadow_NK=shadow_NK,
        live_NK=live_NK,
        ms_N=gave["ms"].to_numpy(),
        live_ms_N=gave["shown_ms"].to_numpy(),
        failed=tuple(pairs["failed"].drop_nulls().to_list()),
    )


def _coded(one: pl.Series, two: pl.Series) -> tuple[Codes, Codes]:
    """Return lists of ids as codes of one numbering, filled up with -1."""
    lists = pl.concat([one.alias("list"), two.alias("list")])
    length_N = lists.list.len().to_numpy().astype(np.int64)
    code = lists.explode(empty_as_null=False).rank("dense").cast(pl.Int64).to_numpy()
    code_NK = np.full((len(lists), int(length_N.max(initial=1))), -1)
    code_NK[np.arange(code_NK.shape[1]) < length_N[:, None]] = code
    return code_NK[: len(one)], code_NK[len(one) :]
