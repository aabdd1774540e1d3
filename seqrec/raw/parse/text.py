"""Open text files, gzipped or not, and report what is wrong with those that aren't text."""

import codecs
import gzip
import io
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import IO

import polars as pl

from seqrec.errors import DataError
from seqrec.raw.get.local import must_exist

GZIP_MAGIC = b"\x1f\x8b"
HEAD = 4096
BLOCK = 1 << 20  # bytes read at once
BOM = "\ufeff"  # byte order mark at the start of some files
UNDEFINED = re.compile("[\x80-\x9f]")  # no letters in Latin-1, but letters in Windows' code pages
SINGLE_BYTE = ("iso8859", "cp125", "mac-", "koi8")  # encodings that can decode nearly anything
REPLACED = (  # what may be in a file's place: its beginning, what it is, what to do
    (
        rb"version https://(git-lfs\.github\.com|hawser\.github\.com)/spec/",
        "a Git LFS pointer, not the file itself",
        "run `git lfs pull` in the repository that it is from, or download the file itself",
    ),
    (
        rb"(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)?<(!doctype|html|head|body|error|script|rss|svg)\b",
        "a web page, not the file itself",
        "open the page to see why, and download the file itself: a login or a moved address is "
        "answered with a page",
    ),
    (
        rb"PK(\x03\x04|\x05\x06)",
        "a zip archive",
        "unpack it and use the file inside; save a spreadsheet (.xlsx) as CSV",
    ),
    (rb"(7z\xbc\xaf|Rar!|BZh\d|\xfd7zXZ|\x28\xb5\x2f\xfd)", "a packed file", "unpack it"),
    (rb"\x80[\x02-\x05]", "a pickle, which is never opened", "save the table as CSV or Parquet"),
)
DAMAGED = (EOFError, OSError, zlib.error, pl.exceptions.PolarsError)  # raised by damaged files


def open_text(path: Path, encoding: str = "utf-8-sig", newline: str = "") -> IO[str]:
    """Open a text file, gzipped or not (recognised by its content, not its name)."""
    return io.TextIOWrapper(open_bytes(path), encoding=encoding, newline=newline)


def open_bytes(path: Path) -> IO[bytes]:
    """Open a file, gzipped or not, to read its content."""
    with path.open("rb") as stream:
        zipped = stream.read(2) == GZIP_MAGIC
    return gzip.open(path, "rb") if zipped else path.open("rb")  # type: ignore[return-value]


@contextmanager
def lines_of(path: Path, encoding: str = "utf-8") -> Iterator[Iterator[str]]:
    r"""Open a text file as lines, which end with ``\n``; with ``\r`` if it has no other ends."""
    name = "utf-8-sig" if is_utf8(encoding) else encoding
    with open_text(path, name, newline=_line_end(path, name)) as stream:
        yield chain((line.removeprefix(BOM) for line in [stream.readline()] if line), stream)


def source_of(path: Path, encoding: str = "utf-8") -> Path | io.BytesIO:
    r"""Return a text file as polars reads one: in UTF-8, with lines that end with ``\n``.

    Raises:
        DataError: the text isn't in that encoding, or is in another for certain.
    """
    name = "utf-8-sig" if is_utf8(encoding) else encoding
    with reading(path, encoding):
        end = _line_end(path, name)
        if is_utf8(encoding) and end == "\n":
            return path
        with open_bytes(path) as stream:
            content = stream.read()
        text = content.decode(name)
    _check_encoding(path, content, text, encoding)
    return io.BytesIO(text.removeprefix(BOM).replace(end, "\n").encode())


def has_quotes(path: Path) -> bool:
    """Return whether there may be a ``"`` in a text file of any encoding."""
    with reading(path), open_bytes(path) as stream:
        return any(b'"' in block for block in iter(lambda: stream.read(BLOCK), b""))


def is_utf8(encoding: str) -> bool:
    """Return whether an encoding is UTF-8, by whatever name."""
    return codecs.lookup(encoding).name in ("utf-8", "utf-8-sig")


def inspect(path: Path, encoding: str = "utf-8") -> None:
    """Check the beginning of a text file.

    Args:
        path: the file.
        encoding: which it is said to have.

    Raises:
        DataError: the file doesn't exist, is empty or binary, is a damaged gzip file, or is
            something else in the file's place, see :func:`refuse_replaced`.
    """
    must_exist(path)
    try:
        with open_bytes(path) as stream:
            head = stream.read(HEAD)
    except DAMAGED as error:
        raise _cut_off(path, error) from error
    refuse_replaced(path, head)
    wide = _wide_encoding(head)
    if wide and not codecs.lookup(encoding).name.startswith(("utf-16", "utf-32")):
        raise DataError(
            f"{path.name} is {wide} text",
            where=str(path),
            todo=f"convert it to UTF-8, or name its encoding (data=files: data.encoding={wide})",
        )
    if b"\0" in head and not wide:
        raise DataError(
            f"{path.name} is not text",
            where=str(path),
            todo="use a CSV, TSV or JSON-lines file, gzipped or not, or a .parquet file",
        )


def refuse_replaced(path: Path, head: bytes) -> None:
    """Refuse what downloads leave in a file's place, recognised by its first bytes.

    Raises:
        DataError: the file is empty, a Git LFS pointer, a web page, an archive or a pickle.
    """
    text = head.removeprefix(codecs.BOM_UTF8).strip()
    if not text:
        raise DataError(
            f"{path.name} is empty",
            where=str(path),
            todo="fetch or copy the file again",
        )
    for pattern, what, todo in REPLACED:
        if re.match(pattern, text, re.IGNORECASE | re.DOTALL):
            raise DataError(f"{path.name} is {what}", where=str(path), todo=todo)


@contextmanager
def reading(path: Path, encoding: str = "utf-8") -> Iterator[None]:
    """Turn the errors of reading `path` into a :class:`DataError`."""
    try:
        yield
    except UnicodeError as error:
        at = getattr(error, "start", 0)
        byte = f" (byte 0x{error.object[at]:02x})" if isinstance(error, UnicodeDecodeError) else ""
        raise DataError(
            f"{path.name} is not {encoding} text{byte}",
            where=str(path),
            todo="convert it to UTF-8, or name its encoding (data=files: data.encoding=cp1252 for "
            "files of Windows in Western Europe)",
        ) from error
    except DAMAGED as error:
        raise _cut_off(path, error) from error


def _wide_encoding(head: bytes) -> str | None:
    """Return the encoding of text that has two or four bytes a letter, None for any other."""
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    high, low = head[0::2].count(0), head[1::2].count(0)
    if min(high, low) or 5 * max(high, low) < len(head):
        return None
    return "utf-16-be" if high else "utf-16-le"


def _line_end(path: Path, encoding: str) -> str:
    with open_text(path, encoding) as stream:
        head = stream.read(HEAD)
    return "\r" if "\r" in head[:-1] and "\n" not in head else "\n"


def _check_encoding(path: Path, content: bytes, text: str, encoding: str) -> None:
    """Check that text isn't in an encoding which the given one would read as other letters."""
    if not codecs.lookup(encoding).name.startswith(SINGLE_BYTE):
        return
    try:
        other = None if content.isascii() else content.decode() and "utf-8"
    except UnicodeDecodeError:
        other = "cp1252" if UNDEFINED.search(text) else None
    if other:
        raise DataError(
            f"{path.name} is not {encoding} text, but {other}",
            where=str(path),
            todo=f"convert it to UTF-8, or name its encoding (data=files: data.encoding={other})",
        )


def _cut_off(path: Path, error: BaseException) -> DataError:
    if isinstance(error, PermissionError):
        return DataError(
            f"{path.name} can't be opened: permission denied",
            where=str(path),
            todo=f"allow reading it: chmod u+r {path}",
        )
    return DataError(
        f"{path.name} is cut off or damaged: {error}",
        where=str(path),
        todo="fetch or copy the file again",
    )
