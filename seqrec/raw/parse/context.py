"""What else is known of an event beside who, what, when and how it was rated."""

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
    """A column of a file of events.

    Args:
        column: its name there.
        kind: ``category``, or ``number``.
    """

    column: str
    kind: Kind = "category"

    def typed(self, dtype: pl.DataType) -> pl.Expr:
        """The column as String or Float32; null where it says nothing."""
        text = text_of(pl.col(self.column), dtype)
        if self.kind == "number":
            return number_of(text)
        return pl.when(text.str.strip_chars() != "").then(text)


NOTHING: Mapping[str, Context] = MappingProxyType({})


def declared(columns: list[str | dict[str, Any]]) -> dict[str, Context]:
    """Columns as a configuration names them: ``[device, {dwell: number}]``.

    Raises:
        ConfigError: one is of no known kind, or its name has another meaning.
    """
    found: dict[str, Context] = {}
    for column in columns:
        pairs = column.items() if isinstance(column, dict) else [(column, "category")]
        for name, kind in pairs:
            if kind not in COLUMN_KINDS or name in RESERVED:
                why = (
                    f"it is one of {', '.join(COLUMN_KINDS)}"
                    if kind not in COLUMN_KINDS
                    else "a taken name"
                )
                raise ConfigError(
                    f"{name}: {kind}: {why}",
                    where="data.context",
                    todo="write data.context='[device,{dwell: number}]'; rating and timestamp "
                    "have keys of their own",
                )
            found[name] = Context(str(name), cast(Kind, kind))
    return found


def present(context: Mapping[str, Context], columns: Iterable[str]) -> dict[str, Context]:
    """The part of `context` that a file with these columns has."""
    return {name: seen for name, seen in context.items() if seen.column in columns}


def number_of(text: pl.Expr) -> pl.Expr:
    """Float32; null where there is no finite number."""
    value = text.str.strip_chars().cast(pl.Float32, strict=False)
    return pl.when(value.is_finite()).then(value)
