"""The one rule of ids, for every table and for whoever asks by an id."""

import polars as pl

WHOLE = r"^(-?\d+)\.0$"  # a whole number as a column of floats writes it


def tidied(ids: pl.Series) -> pl.Series:
    """Return ids as text without white space around it, composed (NFC), and 7 for ``7.0``.

    Everything else tells ids apart: case, leading zeros, white space within.
    """
    text = ids.cast(pl.String).str.strip_chars()
    if (text.str.len_bytes() != text.str.len_chars()).any():
        text = text.str.normalize("NFC")
    if text.str.ends_with(".0").any():
        text = text.str.replace(WHOLE, "$1")
    return text


def tidy(column: str) -> pl.Expr:
    """Return a column of ids as :func:`tidied` makes them."""
    return pl.col(column).map_batches(tidied, return_dtype=pl.String, is_elementwise=True)


def tidy_id(text: str) -> str:
    """Return one id as :func:`tidied` makes it."""
    return str(tidied(pl.Series([text]))[0])
