"""Ids as small numbers: equal where the rule of ids makes them equal."""

import numpy as np
import polars as pl

from seqrec.raw.ids import tidied

BLANK = -1  # the code of ids of nothing but white space


def codes(ids: pl.Series, one: str) -> tuple[np.ndarray, list[str]]:
    """Replace ids by small numbers; integers that lie close together are only shifted.

    Args:
        ids: String, Categorical or integers, one per event.
        one: what they name, for the notes.

    Returns:
        int32 codes, one per event, `BLANK` where nothing is left of an id; and a note if the rule
        of ids (:func:`seqrec.raw.ids.tidied`) changes some, for people to read.
    """
    if ids.dtype.is_integer() and len(ids):
        values = ids.to_numpy()
        low = values.min()
        if int(values.max()) - int(low) < len(ids):
            return np.subtract(values, low, dtype=np.int32, casting="unsafe"), []
    is_text = not ids.dtype.is_integer()
    if not isinstance(ids.dtype, pl.Categorical):
        category = pl.Categorical(pl.Categories.random())
        coded = ids.to_frame().lazy().select(pl.first().cast(pl.String).cast(category))
        ids = coded.collect(engine="streaming").to_series()
    code = ids.to_physical().to_numpy().astype(np.int32)
    return _tidied(ids, code, one) if is_text and len(ids) else (code, [])


def _tidied(ids: pl.Series, code: np.ndarray, one: str) -> tuple[np.ndarray, list[str]]:
    """Give ids that the rule makes equal one code; the rule is applied to each id once."""
    place = np.arange(len(code), dtype=np.int32 if len(code) < 2**31 else np.int64)
    row = np.zeros(int(code.max()) + 1, dtype=place.dtype)
    row[code] = place
    used = np.flatnonzero(np.bincount(code))
    given = ids.gather(row[used]).cast(pl.String)
    tidy = tidied(given)
    changed = given != tidy
    if not changed.any():
        return code, []
    number = np.full(len(row), BLANK, dtype=np.int32)
    number[used] = np.where(tidy == "", BLANK, tidy.rank("dense").to_numpy().astype(np.int32))
    return number[code], [note(given, tidy, changed, one)]


def note(given: pl.Series, tidy: pl.Series, changed: pl.Series, one: str) -> str:
    """Say how many of the different ids the rule of ids changes, and show one."""
    merged = len(tidy) - tidy.n_unique()
    telling = changed & tidy.is_duplicated() if merged else changed
    shown = pl.DataFrame([given.alias("before"), tidy.alias("after")]).filter(telling)
    before, after = shown.sort("before").row(0)  # codes come in no certain order
    ends = f"; {merged:,} of them are then equal to another" if merged else ""
    return (
        f"{changed.sum():,} of {len(given):,} ids of {one}s are read by the rule of ids, such as "
        f"{before!r} as {after!r}{ends}"
    )
