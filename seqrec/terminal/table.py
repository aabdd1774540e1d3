"""Tables whose headings and cells are printed exactly as they are, on any console."""

from typing import Any

from rich.box import HEAVY_HEAD, SIMPLE_HEAD
from rich.table import Table as RichTable
from rich.text import Text

__all__ = ["Table", "Text", "styled"]


def styled(text: str, style: str = "") -> Text:
    """Return a text in a style, such as ``bold green``; the text itself isn't markup."""
    return Text(text, style=style)


class Table:
    """A table of texts.

    Args:
        title: printed above it, to the left.
        rules: draw lines around rows and columns.
    """

    def __init__(self, title: str = "", *, rules: bool = True) -> None:
        self._table = RichTable(
            title=Text(title, style="table.title") if title else None,
            title_justify="left",
            header_style="dim",
            box=HEAVY_HEAD if rules else SIMPLE_HEAD,
        )

    def add_column(self, name: str, *, right: bool = False, **layout: Any) -> None:
        """Add a column.

        Args:
            name: its heading.
            right: align its cells to the right.
            layout: of rich's ``Table.add_column``, such as ``no_wrap`` and ``overflow``.
        """
        self._table.add_column(Text(name), justify="right" if right else "left", **layout)

    def add_row(self, *cells: str | Text) -> None:
        """Add a row; a cell may be :func:`styled`."""
        self._table.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in cells))

    def __rich__(self) -> RichTable:
        return self._table
