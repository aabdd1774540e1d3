"""Read a table of one item or user per row, described by columns of text."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from seqrec.raw.parse.checks import check_file, quote, tolerate
from seqrec.raw.parse.formats import MISFIT, Format, as_text
from seqrec.terminal.say import say

QUOTED = 3
MISSING = "missing id"


def read_table(
    path: Path, form: Format, columns: Mapping[str, str], *, one: str, max_bad_rows: float
) -> pl.DataFrame:
    """Read the well-formed rows of a table, all columns as String, null where empty.

    Args:
        path: the file.
        form: its format.
        columns: config key -> name of a column it must have; the first has the ids.
        one: what each row describes, for messages.
        max_bad_rows: largest share of malformed rows that is left out, with a printed note.

    Raises:
        DataError: the file is empty or damaged, lacks a column or has too many malformed rows.
    """
    check_file(path, form, columns, one=one)
    key = next(iter(columns.values()))
    table = _fast(path, form, key)
    if table is None:
        rows = list(form.rows(path))
        why = [row.fault or (None if row.values.get(key) else MISSING) for row in rows]
        bad = [(row, fault) for row, fault in zip(rows, why, strict=True) if fault]
        quotes = [quote(row.line, fault, row.text) for row, fault in bad[:QUOTED]]
        faults = Counter(fault for _, fault in bad)
        tolerate(path, faults, len(rows), quotes, max_bad_rows)
        reasons = ", ".join(f"{count:,} {fault}" for fault, count in faults.items())
        if faults:
            say(f"skipped {len(bad):,} of {len(rows):,} rows of {path.name}: {reasons}")
        good = [row.values for row, fault in zip(rows, why, strict=True) if not fault]
        table = pl.DataFrame(good, schema=dict.fromkeys(form.columns(path), pl.String))
    text = pl.all().str.strip_chars()
    return table.select(pl.when(text != "").then(text).name.keep())


def _fast(path: Path, form: Format, key: str) -> pl.DataFrame | None:
    """Read the whole file at once; None if anything about it needs a closer look."""
    try:
        frame = form.scan(path)
        misfit = frame.select(MISFIT).collect()[MISFIT].any()
        table = as_text(frame.drop(MISFIT)).collect()
    except (pl.exceptions.PolarsError, OSError, UnicodeDecodeError):
        return None
    return None if misfit or (table[key].fill_null("") == "").any() else table
