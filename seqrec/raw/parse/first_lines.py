"""What the first lines of delimited text say: where rows begin, and what separates cells."""

import re
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from seqrec.errors import DataError
from seqrec.raw.parse.quotes import without_end
from seqrec.raw.parse.text import BOM, lines_of, reading

SEPARATORS = ("\t", "::", ";", "|", ",", " ")  # the earlier wins where several fit as well
# The first line of some of Excel's files.
DECLARED = re.compile(r"\ufeff?sep=(\s|[^\s\w]{1,3}|\\t)", re.IGNORECASE)
COMMENT = "#"
FIRST = 100  # lines that are looked at


def first_lines(path: Path, encoding: str) -> list[str]:
    """Return the first lines of a text file, without their ends."""
    with reading(path, encoding), lines_of(path, encoding) as lines:
        return [without_end(line) for line in islice(lines, FIRST)]


def lines_before_rows(lines: Sequence[str], separator: str) -> int:
    """Return how many lines stand before the header or the first row.

    These are blank lines, ``sep=;`` and comments: lines that begin with ``#`` and a space, or with
    ``#`` and have another number of cells than the first line that doesn't.
    """
    after = next((line for line in lines if not _is_blank(line) and line[0] != COMMENT), "")
    width = len(after.split(separator))
    for at, line in enumerate(lines):
        is_wide = line[1:2] != " " and len(line.split(separator)) == width
        comment = line.removeprefix(BOM).startswith(COMMENT) and not is_wide
        if not (comment or _is_blank(line) or DECLARED.fullmatch(line)):
            return at
    return len(lines)


def find_separator(path: Path, lines: Sequence[str]) -> str:
    """Return what separates the cells of the first lines.

    That is what occurs in the first line, and as often in most of the others; what stands in quotes
    doesn't count. A space is taken only if nothing else occurs in the first line.

    Raises:
        DataError: there is nothing but what stands before the rows.
    """
    declared = DECLARED.fullmatch(next((line for line in lines if not _is_blank(line)), ""))
    if declared:
        return declared[1].replace("\\t", "\t")
    rows = [line for line in lines if not _is_blank(line) and not line.startswith(COMMENT)]
    if not rows:
        raise DataError(f"{path.name} has no rows", where=str(path))
    bare = [re.sub(r'"[^"]*"', "", line) for line in rows]
    present = [separator for separator in SEPARATORS if separator in bare[0]]

    def fits(separator: str) -> tuple[bool, float]:
        width = bare[0].count(separator)
        same = sum(line.count(separator) == width for line in bare) / len(bare)
        return separator != " ", same

    return max(present, key=fits, default=",")


def _is_blank(line: str) -> bool:
    return not line.strip(" \r\n\v\f\ufeff")
