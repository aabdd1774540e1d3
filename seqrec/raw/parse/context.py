"""The context of an event: columns besides its user, item, time and rating."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, cast

import polars as pl

from seqrec.errors import ConfigError
from seqrec.raw.parse.formats import text_of

Kind = Literal["category", "number"]
COLUMN_KINDS = ("category", "number")
RESERVED = ("user", "item", "timestamp", "rating", "hour", "weekday", "gap")  # in context.columns


@dataclass(frozen=True)
class Context:
    """A context column of a file of events.

    Args:
        column: its name in the file.
        kind: ``category``, or ``number``.
    """

    column: str
    kind: Kind = "category"

    def typed(self, dtype: pl.DataType) -> pl.Expr:
        """Return the column as String or Float32; null where empty."""
        text = text_of(pl.col(self.column), dtype)
        if self.kind == "number":
            return number_of(text)
        return pl.when(text.str.strip_chars() != "").then(text)


NOTHING: Mapping[str, Context] = MappingProxyType({})


def declared(columns: list[str | dict[str, Any]]) -> dict[str, Context]:
    """Parse the context columns of a configuration: ``[device, {dwell: number}]``.

    Raises:
        ConfigError: a column has an unknown kind or a reserved name.
    """
    parsed: dict[str, Context] = {}
    for column in columns:
        pairs = column.items() if isinstance(column, dict) else [(column, "category")]
        for name, kind in pairs:
            if kind not in COLUMN_KINDS or name in RESERVED:
                why = (
                    f"the kind must be one of {', '.join(COLUMN_KINDS)}"
                    if kind not in COLUMN_KINDS
                    else "the name is reserved"
                )
                raise ConfigError(
                    f"{name}: {kind}: {why}",
                    where="data.context",
                    todo="write data.context='[device,{dwell: number}]'; rating and timestamp "
                    "have keys of their own",
                )
            parsed[name] = Context(str(name), cast(Kind, kind))
    return parsed


def present(context: Mapping[str, Context], columns: Iterable[str]) -> dict[str, Context]:
    """Return the part of `context` whose columns are in `columns`."""
    return {name: entry for name, entry in context.items() if entry.column in columns}


def number_of(text: pl.Expr) -> pl.Expr:
    """Parse text as Float32; null where it is no finite number."""
    value = text.str.strip_chars().cast(pl.Float32, strict=False)
    return pl.when(value.is_finite()).then(value)
