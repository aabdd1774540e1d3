"""Measured numbers as lines of a table, with their bars."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from seqrec.terminal.table import Table, styled

MET = {True: styled("yes", "green"), False: styled("no", "bold red"), None: styled("")}


@dataclass(frozen=True)
class Line:
    """One number, with the least or the most that it should be."""

    part: str
    what: str
    value: float
    at_least: float | None = None
    at_most: float | None = None

    @property
    def met(self) -> bool | None:
        """Whether the bar is met; None without a bar."""
        if self.at_least is not None:
            return self.value >= self.at_least
        if self.at_most is not None:
            return self.value <= self.at_most
        return None

    def plain(self) -> dict[str, Any]:
        """Return the line as plain values, fit for JSON."""
        return {**asdict(self), "met": self.met}


def table(lines: Iterable[Line]) -> Table:
    """Build a table of the lines; each part is named once."""
    shown = Table(rules=False)
    for column in ("part", "what"):
        shown.add_column(column)
    for column in ("measured", "bar", "met"):
        shown.add_column(column, right=True)
    before = None
    for line in lines:
        bar = ""
        if line.at_least is not None:
            bar = f"≥ {number(line.at_least)}"
        elif line.at_most is not None:
            bar = f"≤ {number(line.at_most)}"
        name = line.part if line.part != before else ""
        shown.add_row(name, line.what, number(line.value), bar, MET[line.met])
        before = line.part
    return shown


def number(value: float) -> str:
    """Format with a useful number of digits: 12,345  123.4  12.34  0.1234."""
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    digits = 0 if abs(value) >= 1000 else 1 if abs(value) >= 100 else 2 if abs(value) >= 10 else 4
    return f"{value:,.{digits}f}"
