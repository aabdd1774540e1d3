"""Types of the columns of a table, which arrive as text: lists, numbers, or texts."""

from collections.abc import Mapping

import polars as pl

from seqrec.raw.parse.context import number_of
from seqrec.raw.parse.numbers import DECIMALS, plain

FLOAT = r"^[+-]?\d*[.]\d"
WHOLE = r"^[+-]?\d+$"  # whole numbers may be names, of brands or of years
PLAIN = r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|[^\s,\[\]{}'\"]+"  # an element, as Python shows it
SHOWN = rf"^\[\s*(?:(?:{PLAIN})(?:[\s,]+(?:{PLAIN}))*\s*,?)?\s*\]$"
SEPARATORS = ("|", ";", ",")  # between the values of a text that is called a list
ROW_NUMBERS = "index"  # a column of this name only numbers the rows


def described(
    table: pl.DataFrame,
    named: Mapping[str, str | None],
    decimal: str | None = None,
    *,
    lists: bool = True,
) -> tuple[pl.LazyFrame, list[str]]:
    """Name the columns of a table as a store does, and give the others their types.

    Args:
        table: columns of text, null where empty.
        named: the store's name -> the table's, of columns that stay text: first the ids; None: a
            column that the table lacks, which is null.
        decimal: the decimal mark, see :func:`~seqrec.raw.parse.numbers.plain`; None: numbers are
            plain.
        lists: whether columns of lists are of use.

    Returns:
        The named columns and all others; and notes for people to read, on columns that are left
        out, or that have one of these names already and get another.
    """
    one, *_ = named
    columns = [
        pl.Series(new, [None] * len(table), pl.String) if old is None else table[old].alias(new)
        for new, old in named.items()
    ]
    notes = []
    for name in table.columns:
        if name in named.values() or name == ROW_NUMBERS:
            continue
        column = typed(table[name], decimal)
        if not lists and isinstance(column, pl.Series) and isinstance(column.dtype, pl.List):
            column = "holds lists, which make no groups; it is left out"
        if decimal is None and not isinstance(column, str) and _by_comma(column):
            notes.append(
                f"the column {name} of the table of {one}s has numbers such as "
                f"{column.drop_nulls()[0]!r}, which are texts unless data.decimal is set"
            )
        if isinstance(column, str):
            notes.append(f"the column {name} of the table of {one}s {column}")
            continue
        if name in named:
            column = column.alias(_free(f"{name}_column", table.columns))
            notes.append(
                f"the column {name} of the table of {one}s is called {column.name} here, because "
                f"{named[name] or 'the title'} is called {name}"
            )
        columns.append(column)
    return pl.DataFrame(columns).lazy(), notes


def _by_comma(column: pl.Series) -> bool:
    """Return whether texts are numbers by one of the decimal marks."""
    if column.dtype != pl.String or not column.str.contains(",", literal=True).any():
        return False
    read = (typed(column, mark) for mark in DECIMALS)
    return any(isinstance(each, pl.Series) and each.dtype == pl.Float64 for each in read)


def _free(name: str, taken: list[str]) -> str:
    return name if name not in taken else _free(f"{name}_", taken)


def typed(column: pl.Series, decimal: str | None = None) -> pl.Series | str:
    """Return a column of text by what its values are, or say why it is left out.

    - Arrays (of JSON, of Parquet, or as Python shows lists), and values joined by ``|``, become
      lists of texts.
    - Numbers, some of them with decimals or separated thousands, become Float64.
    - Everything else stays text, whole numbers too; with a `decimal` mark, numbers among it are
      written as plain ones.

    Args:
        column: String, null where empty.
        decimal: see :func:`described`.
    """
    filled = column.drop_nulls()
    if filled.is_empty():
        return column
    if _enclosed(filled, "{", "}"):
        return "holds objects, which are no feature; it is left out"
    if _enclosed(filled, "[", "]") and filled.str.contains(r"^\[\s*[\[{]").any():
        return "holds lists of lists or of objects, which are no feature; it is left out"
    lists = _arrays(column) if _enclosed(filled, "[", "]") else None
    if lists is not None:
        if lists.explode(empty_as_null=True).drop_nulls().str.contains(FLOAT).any():
            return (
                "holds lists of numbers with decimals; it is left out, and vectors can be given "
                "as {vectors: FILE}"
            )
        return lists
    if filled.str.contains(SEPARATORS[0], literal=True).any():
        return _split(column, SEPARATORS[0])
    name = column.name
    written = pl.col(name) if decimal is None else plain(name, decimal)
    number = pl.when(number_of(written).is_not_null()).then(written)
    numbers = column.to_frame().select(number.alias(name)).to_series()
    known = filled.filter(filled.str.to_lowercase() != "nan")
    if not 0 < len(known) == numbers.count():
        return column if decimal is None else numbers.fill_null(column)
    return numbers if known.str.contains(WHOLE).all() else numbers.cast(pl.Float64)


def lists_of(column: pl.Series) -> pl.Series:
    """Return a column of text that is said to be of lists as such.

    The values are arrays, or else are joined by the first of ``|``, ``;`` and ``,`` that occurs.
    """
    filled = column.drop_nulls()
    lists = _arrays(column) if _enclosed(filled, "[", "]") else None
    if lists is not None:
        return lists
    for separator in SEPARATORS:
        if filled.str.contains(separator, literal=True).any():
            return _split(column, separator)
    return column


def _enclosed(filled: pl.Series, first: str, last: str) -> bool:
    return bool((filled.str.starts_with(first) & filled.str.ends_with(last)).all())


def _arrays(column: pl.Series) -> pl.Series | None:
    """Return the elements of arrays as texts; None if the texts aren't arrays of plain values."""
    try:
        return column.str.json_decode(pl.List(pl.String))
    except pl.exceptions.PolarsError:
        pass
    if not column.drop_nulls().str.contains(SHOWN).all():
        return None
    parts = column.str.strip_chars("[]").str.extract_all(PLAIN)
    bare = pl.element().str.replace(r"(?s)^(['\"])(.*)['\"]$", "$2")
    return parts.list.eval(bare.str.replace_all(r"\\(['\"\\])", "$1"))


def _split(column: pl.Series, separator: str) -> pl.Series:
    return column.str.split(separator).list.eval(pl.element().str.strip_chars())
