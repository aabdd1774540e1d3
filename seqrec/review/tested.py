"""Odd lists of a run's test, before anybody is shown one."""

import polars as pl

from seqrec.config.schema import cut_off
from seqrec.evidence.shares import growth
from seqrec.features.columns import flat_values
from seqrec.feedback import Feedback
from seqrec.ranking.categories import find_categories
from seqrec.review.queue import ORDER, Odd, Rules, uniform
from seqrec.run.folder import RunFolder


def odd_lists(folder: RunFolder, rules: Rules) -> list[Odd]:
    """Return the odd lists of a run, at the length of ``evaluation.monitor``.

    ``exposure``: an item whose share of the lists is `rules.ratio` times its share of the training
    events or more, beyond chance, and a list that shows it far up. ``variety``: all items of a list
    are of one category. A list is called by its row in ``lists.parquet``, from 0, and `session` is
    its user.

    Raises:
        RunError: the run's tables are missing or damaged.
    """
    config = folder.config()
    catalogue, lists = folder.read_table("catalogue.parquet"), folder.read_table("lists.parquet")
    k = cut_off(config.evaluation.monitor, config.evaluation.ks)
    slates = lists.with_row_index("request_id").select(
        pl.col("request_id").cast(pl.String),
        session="user",
        time=pl.lit(0, pl.Int64),
        items=pl.col("recommended").list.head(k),
    )
    feedback = Feedback(slates, pl.DataFrame(), {})
    found = _favoured(slates, catalogue, rules)
    features = catalogue.drop("candidate", "item_events", strict=False)
    categories = find_categories(features, config.evaluation.category)
    if categories is not None:
        flat = flat_values(features[categories.name]).rename(
            {"row": "index", "value": "categories"}
        )
        named = flat.with_columns(pl.col("index").cast(features["index"].dtype))
        kinds = features.select("index", "item").join(
            named.group_by("index").agg("categories"), on="index", how="left"
        )
        found += uniform(feedback, kinds, rules)
    return sorted(found, key=lambda odd: ORDER.index(odd.kind))


def _favoured(slates: pl.DataFrame, catalogue: pl.DataFrame, rules: Rules) -> list[Odd]:
    """Find items that lists show far more often than users chose them in training."""
    if "item_events" not in catalogue.columns:  # of a run of an older version
        return []
    slots = slates.select("request_id", "session", "items", pl.col("items").alias("item"))
    slots = slots.with_columns(slot=pl.int_ranges(0, pl.col("item").list.len())).explode(
        "item", "slot"
    )
    counts = catalogue.select("item", before="item_events").join(
        slots.group_by("item").agg(now=pl.len()), on="item", how="left", maintain_order="left"
    )
    counts = counts.with_columns(pl.col("now").fill_null(0))
    told = counts.with_columns(
        pl.Series("grown", growth(counts["now"], counts["before"])),
        pl.col("now") / counts["now"].sum(),
        pl.col("before") / counts["before"].sum(),
    ).filter(pl.col("grown") > rules.ratio)
    shown = slots.join(told, on="item").sort("slot", "request_id")
    first = shown.unique("item", keep="first", maintain_order=True)
    rows = first.sort("grown", descending=True, maintain_order=True).head(rules.most)
    return [
        Odd(
            request_id=row["request_id"],
            session=row["session"],
            time=0,
            items=row["items"],
            kind="exposure",
            why=f"{row['item']} has {row['now']:.2%} of the places and {row['before']:.2%} of the "
            "training events",
            item=row["item"],
        )
        for row in rows.iter_rows(named=True)
    ]
