"""Numbers as spreadsheets write them: with a decimal comma, or with separated thousands."""

from collections.abc import Iterable

import polars as pl

from seqrec.errors import ConfigError
from seqrec.raw.parse.context import number_of

DECIMALS = (".", ",")
SMALL = 0.01  # share of values that may be unknown without a word
SPACES = " \u00a0\u202f'\u2019"  # they separate thousands, too


def check_decimal(decimal: str | None) -> None:
    """Raise a ConfigError unless `decimal` is None, a point or a comma."""
    if decimal is not None and decimal not in DECIMALS:
        raise ConfigError(
            f"unknown decimal mark {decimal!r}",
            where="data.decimal",
            todo="set data.decimal=\"','\", data.decimal='.', or null for plain numbers (1234.5)",
        )


def plain(column: str, decimal: str) -> pl.Expr:
    """Rewrite the numbers of a column as 1234.5; null where it holds none.

    Args:
        column: its name.
        decimal: ``.`` or ``,``; the other one, a space or an apostrophe may separate thousands.
    """
    text = pl.col(column).cast(pl.String).str.strip_chars()
    other = "," if decimal == "." else "."
    grouped = text.str.contains(
        rf"^[+-]?\d{{1,3}}(?:[\{other}{SPACES}]\d{{3}})+(?:\{decimal}\d*)?$"
    )
    single = text.str.contains(rf"^[+-]?(?:\d+\{decimal}?\d*|\{decimal}\d+)(?:[eE][+-]?\d+)?$")
    number = text.str.replace_all(rf"[\{other}{SPACES}]", "").str.replace(
        decimal, ".", literal=True
    )
    return pl.when(grouped | single).then(number)


def days(column: str) -> pl.Expr:
    """Rewrite numbers with a decimal comma, such as Excel's days, in a column of times."""
    return pl.col(column).cast(pl.String).str.replace(r"^\s*(\d+),(\d+)\s*$", "$1.$2")


def unknown(column: str, texts: pl.Series, decimal: str | None) -> list[str]:
    """Say how many values of a column are no numbers, if they are more than a few.

    Args:
        column: its name.
        texts: its values as they are in the file.
        decimal: how they are read; None: as plain numbers.
    """
    filled = texts.to_frame(column).filter(pl.col(column).str.strip_chars() != "")
    if filled.is_empty():
        return []
    known = {mark: _known(filled, mark) for mark in (None, *DECIMALS)}
    share = 1 - known[decimal].mean()  # type: ignore[operator]
    if share <= SMALL:
        return []
    example = filled.filter(~known[decimal])[column][0]
    better = max(_others(decimal), key=lambda mark: known[mark].sum())
    hint = "\"','\"" if better == "," else "'.'"
    gain = known[better].sum() > known[decimal].sum()
    return [
        f"{share:.0%} of the values of {column} are no numbers, such as {example!r}: they are "
        f"unknown{f'; data.decimal={hint} reads more of them' if gain else ''}"
    ]


def _known(texts: pl.DataFrame, decimal: str | None) -> pl.Series:
    [column] = texts.columns
    text = pl.col(column) if decimal is None else plain(column, decimal)
    return texts.select(number_of(text).is_not_null()).to_series()


def _others(decimal: str | None) -> Iterable[str]:
    return (mark for mark in DECIMALS if mark != decimal)
