"""Join what tables say of the items or users that are left."""

import polars as pl

from seqrec.errors import DataError
from seqrec.raw.ids import tidy

GIVEN = "_given"  # ids as the table has them


def described(
    ids: pl.DataFrame, table: pl.LazyFrame | None, one: str, name: str
) -> tuple[pl.DataFrame, list[str]]:
    """Join the columns of a table to the ids that it describes.

    Args:
        ids: the columns index and `one`.
        table: a column `one` and what is known; None: nothing is. Of rows for one id the first
            counts.
        one: item or user.
        name: of the source, for messages.

    Returns:
        `ids` with the columns; and notes for people to read: how many ids the table lacks, and how
        many it describes in more than one way.

    Raises:
        DataError: the table can't be read, or has none of the ids.
    """
    if table is None:
        return ids, []
    known = table.with_columns(pl.col(one).cast(pl.String).alias(GIVEN), tidy(one))
    try:
        rows = known.filter(pl.col(one).is_in(ids[one].implode())).collect()
        if rows.is_empty():
            raise _unmatched(ids[one], known, one, name)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise DataError(
            f"the table of {one}s of {name} can't be read: {str(error).splitlines()[0]}",
            where=name,
            todo="use the file as it was published, or leave it out of data.raw_dir",
        ) from error
    notes = _changes(rows, one)
    rows = rows.drop(GIVEN)
    first = rows.unique(one, keep="first", maintain_order=True)
    if len(first) < len(rows):
        notes += _contradictions(rows, one)
    if len(first) < len(ids):
        lacks = ids.filter(~pl.col(one).is_in(first[one].implode()))[one][0]
        notes.append(
            f"the table of {one}s knows {len(first):,} of {len(ids):,} {one}s; it lacks "
            f"{lacks!r}, for example"
        )
    return ids.join(first, on=one, how="left", maintain_order="left"), notes


def _changes(rows: pl.DataFrame, one: str) -> list[str]:
    changed = rows.filter(pl.col(GIVEN) != pl.col(one))
    if changed.is_empty():
        return []
    return [
        f"{len(changed):,} ids of the table of {one}s are read by the rule of ids, such as "
        f"{changed[GIVEN][0]!r} as {changed[one][0]!r}"
    ]


def _contradictions(rows: pl.DataFrame, one: str) -> list[str]:
    differing = rows.unique(maintain_order=True)[one]
    ids = differing.filter(differing.is_duplicated()).unique(maintain_order=True)
    if ids.is_empty():
        return []
    return [
        f"the table of {one}s has contradicting rows for {len(ids):,} of {rows[one].n_unique():,} "
        f"{one}s, such as {ids[0]!r}; the first of each counts"
    ]


def _unmatched(ids: pl.Series, table: pl.LazyFrame, one: str, name: str) -> DataError:
    others = table.select(one).head(1).collect().to_series()
    example = f"its first row has {others[0]!r}" if len(others) else "it has no rows"
    return DataError(
        f"the table of {one}s of {name} has none of its {len(ids):,} {one}s, such as {ids[0]!r}; "
        f"{example}",
        where=name,
        todo=f"use a table whose ids are written as the events' are, or (data=files) name its "
        f"column of ids with data.{one}s_{one}, or leave the table out",
    )
