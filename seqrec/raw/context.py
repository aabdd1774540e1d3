"""What else is known of an event beside who, what, when and how it was rated."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import polars as pl

from seqrec.raw.formats import text_of

Kind = Literal["category", "number"]


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


def number_of(text: pl.Expr) -> pl.Expr:
    """Float32; null where there is no finite number."""
    value = text.str.strip_chars().cast(pl.Float32, strict=False)
    return pl.when(value.is_finite()).then(value)
