"""Quoted cells of delimited text: one rule for both ways to read.

A cell that begins with ``"`` goes on to the next single ``"``, over separators and line ends, and
``""`` in it is a quote; what stands between that and the separator still belongs to the cell. Any
other quote is text, as in ``5" pipe``. Spreadsheets and :rfc:`4180` agree on all of this.

They disagree with people where a quote is never closed, or is closed by one some lines below:
everything in between becomes one cell. A file in which a line *inside* of a cell reads like a row
of its own is therefore refused, unless its quotes are `trusted`.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from seqrec.errors import DataError
from seqrec.raw.parse.text import BOM

QUOTE = '"'
MOST = 0.9  # share of the first rows that tells what the cells of a column are like


@dataclass(frozen=True)
class Record:
    """The cells of a row that may go over several lines, and how it is written."""

    line: int
    text: str
    cells: list[str]


@dataclass(frozen=True)
class Quoting:
    """The rule for one file.

    Args:
        separator: one character.
        row_like: pattern of a line that reads like a row, see :func:`row_pattern`; None: whatever
            is in quotes belongs to its cell.
    """

    separator: str
    row_like: str | None

    def records(self, path: Path, lines: Iterable[str], skip: int) -> Iterator[Record]:
        """Yield the records of all lines after the first `skip`, blank ones left out.

        Raises:
            DataError: a quote is never closed, or swallows a line that reads like a row.
        """
        row_like = re.compile(self.row_like) if self.row_like else None
        start, held = 0, list[str]()  # where the record began that goes on, and its lines
        for number, line in enumerate(lines, start=1):
            if number <= skip:
                continue
            if not held:
                line = line.removeprefix(BOM)  # of a file that was appended to another
            if not held and QUOTE not in line:
                text = without_end(line)
                if text.strip() or self.separator in text:
                    yield Record(number, text, text.split(self.separator))
                continue
            if held and row_like and row_like.search(without_end(line)):
                raise self._swallowed(path, start, held, number)
            start = start if held else number
            is_open = self._is_open(line, inside=bool(held))
            held.append(line)
            if not is_open:
                text = without_end("".join(held))
                yield Record(start, text, self._cells(text))
                held = []
        if held:
            raise self._never_closed(path, start, held)

    def is_clean(self, lines: pl.LazyFrame) -> bool:
        """Return whether any reader sees the same cells in the lines of a file, quickly.

        That is so if each cell with a quote is quoted as a whole. By the number of quotes before it
        a line starts inside or outside of a cell, and each has to match the pattern for that.

        Args:
            lines: the column ``line``, without what stands before the first row.
        """
        cell, inside = rf'(?:[^"{self._sep}][^{self._sep}"]*|"(?:[^"]|"")*")?', r'(?:[^"]|"")*'
        opened = rf'(?:{self._sep}{cell})*(?:{self._sep}"{inside})?'
        outside = rf'^(?:{cell}{opened}|"{inside})$'
        within = rf'^{inside}(?:"{opened})?$'
        line = pl.col("line").str.strip_suffix("\r")
        count = pl.col("line").str.count_matches(QUOTE, literal=True)
        marked = lines.with_columns(line, count=count, begins=(count.cum_sum() - count) % 2 == 1)
        fits = pl.when("begins").then(line.str.contains(within))
        sound = fits.otherwise(line.str.contains(outside))
        if self.row_like:
            sound &= ~(pl.col("begins") & line.str.contains(self.row_like))
        quoted = marked.filter((pl.col("count") > 0) | pl.col("begins"))
        counts = quoted.select(pl.col("count").sum(), bad=(~sound).sum())
        total, bad = counts.collect(engine="streaming").row(0)
        return total % 2 == 0 and not bad

    @property
    def _sep(self) -> str:
        return rf"\x{ord(self.separator):02x}"

    def _is_open(self, line: str, *, inside: bool) -> bool:
        """Return whether a cell is open at the end of a line."""
        at = 0
        while True:
            if inside or line.startswith(QUOTE, at):
                end = _closing(line, at if inside else at + 1)
                if end < 0:
                    return True
                inside, at = False, end + 1
            stop = line.find(self.separator, at)
            if stop < 0:
                return False
            at = stop + 1

    def _cells(self, text: str) -> list[str]:
        """Split a whole record."""
        cells, at = [], 0
        while True:
            value, after = "", at
            if text.startswith(QUOTE, at):
                end = _closing(text, at + 1)
                value, after = text[at + 1 : end].replace('""', QUOTE), end + 1
            stop = text.find(self.separator, after)
            cells.append(value + text[after : stop if stop >= 0 else None])
            if stop < 0:
                return cells
            at = stop + 1

    def _swallowed(self, path: Path, start: int, held: list[str], number: int) -> DataError:
        return DataError(
            f"a quote in line {start:,} of {path.name} isn't closed before line {number:,}, which "
            "reads like a row of its own",
            where=f"{path}\n    line {start:,}: {without_end(held[0])[:100]!r}",
            todo=f"close or remove the quote in line {start:,}; or, with data=files, set "
            "data.quote=none if quotes are plain text in this file, or data.quote=double if that "
            "cell does go over several lines",
        )

    def _never_closed(self, path: Path, start: int, held: list[str]) -> DataError:
        return DataError(
            f"a quote in line {start:,} of {path.name} is never closed",
            where=f"{path}\n    line {start:,}: {without_end(held[0])[:100]!r}",
            todo=f"close or remove the quote in line {start:,}; or, with data=files, set "
            "data.quote=none if quotes are plain text in this file",
        )


def row_pattern(separator: str, rows: Sequence[Sequence[str]], width: int) -> str | None:
    """Return a pattern of lines that read like a row; None for a single column.

    Such a line has `width` cells, each like those of most of the first rows: with a number, without
    a space, or at least not after one, as words of prose are. Its first cell has no quote: a line
    that only ends an open cell isn't a row.

    Args:
        separator: one character.
        rows: the cells of the first rows.
        width: number of columns.
    """
    if width < 2:
        return None
    sep = rf"\x{ord(separator):02x}"
    space = "" if separator == " " else " "
    cells = []
    for at in range(width):
        other = sep + QUOTE * (at == 0)
        kinds = [
            rf"[{space}{QUOTE * (at > 0)}+-]*[0-9][^{other}]*",
            rf"[^{space}{other}]*",
            rf"(?:[^{space}{other}][^{other}]*)?",
        ]
        known = [row[at].replace(separator, "") for row in rows if "\n" not in row[at]]
        fits = (kind for kind in kinds if _share(kind, known) >= MOST)
        cells.append(next(fits, rf"[^{other}]*"))
    return f"^{sep.join(cells)}$"


def _share(pattern: str, cells: list[str]) -> float:
    """Return the share of cells that a pattern matches."""
    return sum(bool(re.fullmatch(pattern, cell)) for cell in cells) / max(1, len(cells))


def without_end(line: str) -> str:
    r"""Return a line without its ``\n`` or ``\r\n``."""
    return line.removesuffix("\n").removesuffix("\r")


def _closing(text: str, at: int) -> int:
    """Return where the quoted cell closes whose content starts at `at`; -1 if it doesn't."""
    while (found := text.find(QUOTE, at)) >= 0 and text.startswith(QUOTE, found + 1):
        at = found + 2
    return found
