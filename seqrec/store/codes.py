"""Ids as small numbers: equal where the rule of ids makes them equal."""

import numpy as np
import polars as pl

from seqrec.raw.ids import tidied
from seqrec.raw.parse.keep import of

SPARSE, DENSE = 8, 1 << 20  # rows for each number between the least and the largest, at least
STAND_INS = ("nan", "none", "null", "<na>", "n/a", "\\n", "undefined")
BLANK = -1  # the code of ids of nothing but white space


def codes(ids: pl.Series, one: str) -> tuple[np.ndarray, list[str]]:
    """Replace ids by small numbers; integers that lie close together are only shifted.

    Args:
        ids: String, Categorical or integers, one per event.
        one: what they name, for the notes.

    Returns:
        int32 codes, one per event, `BLANK` where nothing is left of an id; and notes for people
        to read: whether the rule of ids (:func:`seqrec.raw.ids.tidied`) changes some, and whether
        one looks like what a program writes for a missing value.
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
        return code, stand_ins(tidy, one)
    number = np.full(len(row), BLANK, dtype=np.int32)
    number[used] = np.where(tidy == "", BLANK, tidy.rank("dense").to_numpy().astype(np.int32))
    return number[code], [note(given, tidy, changed, one), *stand_ins(tidy, one)]


class Coder:
    """The same numbers for ids that come in blocks.

    Args:
        ids: the column of ids, of all blocks.
        one: what they name, for the note.
    """

    def __init__(self, ids: pl.LazyFrame, one: str) -> None:
        self._one = one
        self._low: int | None = None
        [dtype] = ids.collect_schema().dtypes()
        if dtype.is_integer():
            low, high, rows = of(ids, pl.first().min(), pl.first().max(), pl.len())
            if rows and high - low < max(rows // SPARSE, DENSE):
                self._low = low
        self._category = pl.Categorical(pl.Categories.random())
        self._alive = pl.Series([""]).cast(self._category)  # without a column, ids are forgotten
        self._number = np.empty(0, dtype=np.int32)  # of each category: itself, or that of its rule
        self._given = np.empty(0, dtype=bool)  # whether it is an id, not only what the rule makes
        self._is_text = not dtype.is_integer()

    def __call__(self, ids: pl.Series) -> np.ndarray:
        """Return int32 codes of the ids of a block, `BLANK` where nothing is left of an id."""
        if self._low is not None:
            return np.subtract(ids.to_numpy(), self._low, dtype=np.int64).astype(np.int32)
        category = ids.cast(pl.String).cast(self._category).to_physical().to_numpy()
        self._meet(int(category.max()) + 1)
        self._given[category] = True
        return self._number[category]

    def text(self, code: np.ndarray) -> pl.Series:
        """Return the ids of codes, by the rule of ids, as String."""
        if self._low is not None:
            return pl.Series(code.astype(np.int64) + self._low).cast(pl.String)
        return pl.Series(code.astype(np.uint32)).cat.to(self._category).cast(pl.String)

    def note(self) -> list[str]:
        """Return notes for people to read: whether the rule changed ids, or some look missing."""
        if not self._is_text:
            return []
        given = self.text(np.flatnonzero(self._given))
        tidy = tidied(given)
        changed = given != tidy
        notes = [note(given, tidy, changed, self._one)] if changed.any() else []
        return notes + stand_ins(tidy, self._one)

    def _meet(self, end: int) -> None:
        """Apply the rule to each category before `end` that is new."""
        start = len(self._number)
        if end <= start:
            return
        number = np.arange(start, end, dtype=np.int32)
        if self._is_text:
            given = self.text(number)
            tidy = tidied(given)
            changed = (given != tidy).to_numpy()
            if changed.any():
                made = tidy.filter(changed).cast(self._category).to_physical().to_numpy()
                blank = (tidy.filter(changed) == "").to_numpy()
                number[changed] = np.where(blank, BLANK, made)
                more = np.arange(end, max(end, int(made.max()) + 1), dtype=np.int32)
                number = np.concatenate([number, more])
        self._number = np.concatenate([self._number, number])
        self._given = np.concatenate([self._given, np.zeros(len(number), dtype=bool)])


def note(given: pl.Series, tidy: pl.Series, changed: pl.Series, one: str) -> str:
    """Say how many of the different ids the rule of ids changes, and show one."""
    merged = len(tidy) - tidy.n_unique()
    telling = changed & tidy.is_duplicated() if merged else changed
    sides = pl.DataFrame({"given": given, "tidy": tidy}).filter(telling)
    before, after = sides.bottom_k(1, by="given").row(0)  # the order of codes is that of threads
    ends = f"; {merged:,} of them are then equal to another" if merged else ""
    return (
        f"{changed.sum():,} of {len(given):,} ids of {one}s are read by the rule of ids, such as "
        f"{before!r} as {after!r}{ends}"
    )


def stand_ins(ids: pl.Series, one: str) -> list[str]:
    """Tell an id that is what programs write for a missing value."""
    found = sorted(ids.filter(ids.str.to_lowercase().is_in(STAND_INS)))
    return [
        f"{each!r} is read as the id of one {one}: leave the cell empty if it stands for a "
        "missing id"
        for each in found[:1]
    ]
