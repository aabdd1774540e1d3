"""A table in several files of one format: a folder of parts, or those that fit a pattern."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from glob import has_magic
from pathlib import Path
from urllib.parse import unquote

import polars as pl

from seqrec.errors import DataError
from seqrec.raw.get.local import must_exist
from seqrec.raw.parse.formats import MISFIT, Format, JsonLines, Row, innermost

HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"
HIDDEN = (".", "_")  # _SUCCESS, _metadata, .part-0.crc


def parts_of(path: Path) -> list[Path]:
    """Return the files that a path names: itself, those of a folder, or those that fit a pattern.

    Several come in the order of their names, with numbers in them by value. Hidden and empty files
    are left out.

    Raises:
        DataError: there is no such file, or those of a folder are of several kinds.
    """
    if path.is_dir():
        names = (p for p in path.rglob("*") if not _is_hidden(p.relative_to(path)))
    elif has_magic(str(path)) and not path.exists():
        folder = _folder(path)
        fitting = folder.glob(str(path.relative_to(folder)))
        names = (p for p in fitting if not _is_hidden(p.relative_to(folder)))
    else:
        must_exist(path)
        return [path]
    found = sorted((p for p in names if p.is_file() and p.stat().st_size), key=by_numbers)
    kinds = sorted({Path(p.name.removesuffix(".gz")).suffix.lower() for p in found})
    if not kinds:
        raise DataError(
            f"{path.name} names no file, besides hidden and empty ones",
            where=str(path.absolute()),
            todo="correct data.path, or the folder that it is relative to, data.raw_dir",
        )
    if len(kinds) > 1:
        raise DataError(
            f"{path.name} names files of several kinds: {', '.join(k or '(none)' for k in kinds)}",
            where=str(path.absolute()),
            todo=f"choose some by a pattern: data.path='{_folder(path)}/*{kinds[-1]}'",
        )
    return found


def folder_columns(part: Path, path: Path) -> dict[str, pl.Expr]:
    """Return the columns that the names of folders give a part, as in ``day=2024-01-05/part-0``.

    Args:
        part: a file.
        path: what names it and others.
    """
    root = path if path.is_dir() else _folder(path.parent)
    pairs = (name.partition("=") for name in part.relative_to(root).parts[:-1] if "=" in name)
    return {
        key: pl.lit(None if value == HIVE_NULL else unquote(value), pl.String)
        for key, _, value in pairs
    }


def name_of(path: Path) -> str:
    """Return a path's name, or its folder's if it is a pattern."""
    return _folder(path).name if has_magic(path.name) and not path.exists() else path.name


@dataclass(frozen=True)
class Parts:
    """Several files, read as one.

    Args:
        parts: each file and its format, in order.

    Raises:
        DataError: a part has other columns than the first.
    """

    parts: tuple[tuple[Path, Format], ...]

    def __post_init__(self) -> None:
        (first, form), *others = self.parts
        names = form.columns(first)
        if isinstance(innermost(form), JsonLines):
            return  # a key that is missing in some lines is null there
        for path, other in others:
            found = other.columns(path)
            if set(found) != set(names):
                apart = [
                    f"{what} {', '.join(sorted(which))}"
                    for what, which in (
                        ("it lacks", set(names) - set(found)),
                        ("it alone has", set(found) - set(names)),
                    )
                    if which
                ]
                raise DataError(
                    f"{path.name} has other columns than {first.name}: {'; '.join(apart)}",
                    where=str(path),
                    todo="give all parts the same columns, or name those that have them by a "
                    "pattern in data.path",
                )

    @property
    def form(self) -> Format:
        """The format of the first part."""
        return self.parts[0][1]

    def columns(self, path: Path, *, whole: bool = False) -> list[str]:
        """See :class:`~seqrec.raw.parse.rows.Format`; `path` doesn't matter."""
        found = (name for p, form in self.parts for name in form.columns(p, whole=whole))
        return list(dict.fromkeys(found)) if len(self.parts) > 1 else list(found)

    def nested(self, path: Path) -> set[str]:
        """See :class:`~seqrec.raw.parse.rows.Format`."""
        return {name for part, form in self.parts for name in form.nested(part)}

    def scan(self, path: Path, names: Iterable[str] = ()) -> pl.LazyFrame:
        """See :class:`~seqrec.raw.parse.rows.Format`; parts of other types can't be scanned."""
        every = list(dict.fromkeys([*self.columns(path), *names, MISFIT]))
        return pl.concat([form.scan(part, every[:-1]).select(every) for part, form in self.parts])

    def doubtful(self, column: pl.Expr, *, one_value: bool) -> pl.Expr:
        """See :class:`~seqrec.raw.parse.rows.Format`."""
        return self.form.doubtful(column, one_value=one_value)

    def rows(self, path: Path) -> Iterator[Row]:
        """See :class:`~seqrec.raw.parse.rows.Format`; lines are those of their part."""
        for part, form in self.parts:
            for row in form.rows(part):
                yield replace(row, text=f"{part.name}: {row.text}")


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(HIDDEN) for part in path.parts)


def by_numbers(path: Path) -> list[tuple[int, str]]:
    """Sort part-2 before part-10."""
    pieces = re.split(r"(\d+)", str(path))
    return [(int(piece), "") if piece.isdecimal() else (-1, piece) for piece in pieces]


def _folder(path: Path) -> Path:
    """Return the deepest folder of a pattern that is no pattern itself."""
    while has_magic(str(path)):
        path = path.parent
    return path
