"""The table of users that KuaiRec and KuaiRand share."""

from pathlib import Path

import polars as pl

from seqrec.raw.parse.formats import Delimited
from seqrec.raw.parse.table import read_table

ATTRIBUTES = (  # other columns are encoded, or numbers of which these are the published ranges
    *("user_active_degree", "is_video_author", "register_days_range"),
    *("follow_user_num_range", "fans_user_num_range", "friend_user_num_range"),
)


def kuaishou_users(path: Path, *, max_bad_rows: float) -> pl.LazyFrame:
    """Read those of the `ATTRIBUTES` that a file ``user_features*.csv`` has."""
    table = read_table(
        path, Delimited(","), {"user": "user_id"}, one="user", max_bad_rows=max_bad_rows
    )
    attributes = [name for name in ATTRIBUTES if name in table.columns]
    return table.lazy().select(pl.col("user_id").alias("user"), *attributes)
