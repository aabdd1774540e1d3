"""Read a table of edges: each row relates one thing to another."""

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from seqrec.raw.get.local import must_exist
from seqrec.raw.ids import tidy
from seqrec.raw.parse.formats import format_of
from seqrec.raw.parse.table import read_table
from seqrec.terminal.say import say


def read_edges(
    path: Path, columns: Mapping[str, str], *, max_bad_rows: float = 0.01
) -> pl.DataFrame:
    """Read the edges of a file (CSV, TSV, Parquet or JSON lines, gzipped or not), each once.

    Args:
        path: the file.
        columns: what a column is -> its name in the file, such as ``{"head": "from"}``.
        max_bad_rows: largest share of malformed rows that is left out, with a printed note. Rows
            that lack one of the columns' values are left out and counted too.

    Returns:
        The columns by what they are, as text by the rule of ids (:mod:`seqrec.raw.ids`).

    Raises:
        DataError: the file is missing, damaged or lacks a column; too many rows are malformed.
    """
    must_exist(path)
    table = read_table(path, format_of(path), columns, one="edge", max_bad_rows=max_bad_rows)
    edges = table.select(pl.col(name).alias(what) for what, name in columns.items())
    whole = edges.drop_nulls()
    if len(whole) < len(edges):
        say(f"left out {len(edges) - len(whole):,} of {len(edges):,} rows of {path.name}: no value")
    return whole.with_columns(tidy(what) for what in columns).unique(maintain_order=True)
