"""Encode columns of the item table as codes and numbers."""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import polars as pl
import torch

from seqrec.errors import ConfigError, DataError
from seqrec.features.encoded import Codes, Encoded, Numbers
from seqrec.features.knowledge import graph_vectors
from seqrec.features.sentences import sentence_vectors
from seqrec.features.text import text_vectors
from seqrec.features.values import flat_values
from seqrec.features.vectors import given_vectors
from seqrec.features.words import word_vectors
from seqrec.raw.parse.columns import lists_of
from seqrec.terminal.say import say

NO_FEATURES = ("index", "item")
MAX_VALUES = 32  # values kept of an item's list
FROM = (
    ["vectors"],
    ["sentences"],
    ["words"],
    ["graph"],
)  # features that are read, or made by a model
RARE = 2  # values of fewer items than this don't generalise, and share one code


Wanted = list[str | dict[str, Any]] | Literal["all"]


def encode_features(
    table: pl.DataFrame, features: Wanted, *, text_dim: int, cache_dir: str | None = None
) -> dict[str, Encoded]:
    """Encode the given features of all items.

    Args:
        table: columns index (1, 2, ...), item and features.
        features: a column's name, or ``{name: how}``: ``category``, ``list``, ``number``, ``log``,
            ``text``, ``{sentences: MODEL}``, ``{words: MODEL}``, ``{vectors: FILE}``, or
            ``{graph: {...}}``; a name alone is encoded by the column's type. ``all``: every column
            that isn't empty, the title as text.
        text_dim: width of the vectors of texts.
        cache_dir: where vectors of a graph are kept; None: nowhere.

    Returns:
        The encoded features by name, in the given order.

    Raises:
        ConfigError: a feature is malformed, or named twice.
        DataError: the table lacks a column, or a column can't be encoded that way.
    """
    if features == "all":
        features = [{"title": "text"} if name == "title" else name for name in _usable(table)]
    entries = [_read(entry) for entry in features]
    if not entries:
        raise ConfigError(
            "no features are named",
            where="embedding.features",
            todo=f"name some of: {', '.join(_usable(table)) or 'this data has none'}",
        )
    names = [name for name, _ in entries]
    if len(set(names)) < len(names):
        raise ConfigError(f"named twice: {', '.join(names)}", where="embedding.features")
    encoded: dict[str, Encoded] = {}
    for name, how in entries:
        if isinstance(how, dict) and "vectors" in how:
            encoded[name] = Numbers(given_vectors(how["vectors"], table["item"]))
            continue
        if isinstance(how, dict) and "graph" in how:
            encoded[name] = Numbers(graph_vectors(table, how["graph"] or {}, cache_dir))
            continue
        if name not in table.columns or name in NO_FEATURES:
            raise DataError(
                f"the items have no column {name!r}",
                where="embedding.features",
                todo=f"use one of: {', '.join(_usable(table)) or 'none; add a table of items'}",
            )
        column = table[name]
        if column.null_count() == len(column):
            raise DataError(
                f"the column {name!r} is empty for all items",
                where="embedding.features",
                todo="leave it out, or provide a table of items that has it",
            )
        kind = how or _kind(column)
        if isinstance(kind, dict):
            [(maker, model)] = kind.items()
            encoded[name] = Numbers(_padded(BY_MODEL[maker](_text(column), model)))
        elif kind == "text":
            encoded[name] = Numbers(_padded(text_vectors(_text(column), text_dim)))
        else:
            encoded[name] = ENCODERS[kind](column)
    return encoded


def _read(entry: str | dict[str, Any]) -> tuple[str, str | dict[str, Any] | None]:
    if isinstance(entry, str):
        return entry, None
    if isinstance(entry, dict) and len(entry) == 1:
        [(name, how)] = entry.items()
        if how in (*ENCODERS, "text") or (isinstance(how, dict) and list(how) in FROM):
            return name, how
    raise ConfigError(
        f"{entry!r} is not a feature",
        where="embedding.features",
        todo="write a column's name or {name: how}, with how one of "
        f"{', '.join((*ENCODERS, 'text'))}, {{sentences: MODEL}}, {{words: MODEL}}, "
        "{{vectors: FILE}}, {{graph: {{...}}}}",
    )


def _usable(table: pl.DataFrame) -> list[str]:
    return [
        name
        for name in table.columns
        if name not in NO_FEATURES and table[name].null_count() < len(table)
    ]


def _kind(column: pl.Series) -> str:
    if column.dtype.is_numeric():
        return "number"
    if isinstance(column.dtype, pl.List):
        return "list"
    return "category"


def _text(column: pl.Series) -> pl.Series:
    """Return a column as texts; the values of a list are one text."""
    if isinstance(column.dtype, pl.List):
        return column.cast(pl.List(pl.String)).list.join(" ", ignore_nulls=True)
    return column.cast(pl.String)


def _list(column: pl.Series) -> Codes:
    return _category(lists_of(column) if column.dtype == pl.String else column)


def _category(column: pl.Series) -> Codes:
    flat = flat_values(column)
    count = flat.group_by("value").len().sort("value")
    common = count.filter(pl.col("len") >= RARE)["value"]
    rare = len(common) < len(count)
    first = 1 + rare  # 1: all rare values
    code = pl.Series(range(first, first + len(common)), dtype=pl.Int32)
    place = flat.select(pl.int_range(pl.len()).over("row")).to_series()
    flat = flat.filter(place < MAX_VALUES)
    place = place.filter(place < MAX_VALUES)
    codes = flat["value"].replace_strict(common, code, default=1, return_dtype=pl.Int32)
    width = place.to_numpy().max(initial=0) + 1
    code_VM = np.zeros((len(column) + 1, width), dtype=np.int32)
    code_VM[flat["row"].to_numpy(), place.to_numpy()] = codes.to_numpy()
    return Codes(torch.from_numpy(code_VM), len(common) + rare)


def _number(column: pl.Series) -> Numbers:
    value = _floats(column)
    present = np.isfinite(value)
    deviation = value[present].std() or 1.0
    scaled = np.where(present, (value - value[present].mean()) / deviation, 0.0)
    columns = [scaled] if present.all() else [scaled, ~present]
    return Numbers(_padded(torch.from_numpy(np.stack(columns, axis=1).astype(np.float32))))


def _log(column: pl.Series) -> Numbers:
    value = _floats(column)
    if (value < 0).any():
        raise DataError(
            f"the column {column.name!r} has negative numbers, which have no logarithm",
            where="embedding.features",
            todo=f"use {{{column.name}: number}}",
        )
    return _number(pl.Series(column.name, np.log1p(value)))


def _floats(column: pl.Series) -> np.ndarray:
    """Return the column as float64, NaN where there is no number."""
    if not (column.dtype.is_numeric() or column.dtype in (pl.String, pl.Boolean)):
        raise DataError(
            f"the column {column.name!r} ({column.dtype}) holds no numbers",
            where="embedding.features",
            todo=f"use {{{column.name}: category}} or {{{column.name}: list}}",
        )
    value = column.cast(pl.Float64, strict=False).fill_null(np.nan).to_numpy()
    _tell_unknown(column, value)
    if not np.isfinite(value).any():
        raise DataError(
            f"no value of the column {column.name!r} is a number",
            where="embedding.features",
            todo=f"use {{{column.name}: category}}, or leave it out{_by_comma(column)}",
        )
    return value


def _tell_unknown(column: pl.Series, value: np.ndarray) -> None:
    """Say how many texts of a column of numbers are none, if some are."""
    if column.dtype != pl.String or not np.isfinite(value).any():
        return
    lost = column.filter(pl.Series(~np.isfinite(value)) & (column.str.strip_chars() != ""))
    if len(lost):
        say(
            f"{len(lost):,} of {column.count():,} values of the column {column.name!r} are no "
            f"numbers and count as unknown, such as {lost[0]!r}{_by_comma(lost)}"
        )


def _by_comma(texts: pl.Series) -> str:
    """Return a hint at decimal commas and separated thousands, if texts have commas."""
    if texts.dtype != pl.String or not texts.str.contains(r"^\s*\d[\d.]*,\d").any():
        return ""
    return "; in data=files, data.decimal=\"','\" reads 1,5 and data.decimal='.' reads 1,000"


def _padded(value_NF: torch.Tensor) -> torch.Tensor:
    return torch.cat([torch.zeros(1, value_NF.shape[1]), value_NF.float()])


ENCODERS: dict[str, Callable[[pl.Series], Encoded]] = {
    "category": _category,
    "list": _list,
    "number": _number,
    "log": _log,
}
BY_MODEL = {"sentences": sentence_vectors, "words": word_vectors}
