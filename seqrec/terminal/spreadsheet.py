"""Keep spreadsheets from running text in CSV files as formulas."""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

FORMULA = r"^[=+\-@\t\r]"  # what Excel, LibreOffice and Google Sheets calculate
NUMBER = r"^[+\-]?(\d+\.?\d*|\.\d+)([eE][+\-]?\d+)?$"


def as_text(cell: str) -> str:
    """Put ``'`` before a text that a spreadsheet would calculate; numbers stay as they are."""
    return f"'{cell}" if re.match(FORMULA, cell) and not re.match(NUMBER, cell) else cell


def with_texts(table: "pl.DataFrame") -> "pl.DataFrame":
    """Apply :func:`as_text` to every cell of the columns that hold text."""
    import polars as pl

    texts = [pl.col(name) for name, kind in table.schema.items() if kind == pl.String]
    return table.with_columns(
        pl.when(text.str.contains(FORMULA) & ~text.str.contains(NUMBER))
        .then(pl.concat_str(pl.lit("'"), text))
        .otherwise(text)
        .alias(text.meta.output_name())
        for text in texts
    )
