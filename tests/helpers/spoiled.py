"""What happens to a file between its publisher and its reader."""

import gzip
import io
import zipfile
from collections.abc import Callable

from helpers.published_form import Published

LFS = b"""version https://git-lfs.github.com/spec/v1
oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393
size 12345
"""
PAGE = (
    b"<!DOCTYPE html>\n<html><head><title>404 Not Found</title></head>\n<body>No.</body></html>\n"
)


def _zipped(name: str, content: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(name, content)
    return stream.getvalue()


ANY: dict[str, Callable[[bytes], bytes]] = {  # of any file
    "a Git LFS pointer": lambda content: LFS,
    "an HTML page": lambda content: PAGE,
    "an HTML page after a byte order mark": lambda content: b"\xef\xbb\xbf\r\n" + PAGE.lower(),
    "an error of S3": lambda content: b'<?xml version="1.0"?>\n<Error><Code>AccessDenied</Code>',
    "an error in JSON": lambda content: b'{"message": "Not Found"}\n',
    "empty": lambda content: b"",
    "half": lambda content: content[: len(content) // 2 + 1],
    "all but five bytes": lambda content: content[:-5],
    "zeros": lambda content: bytes(len(content)),
    "zeros at the end": lambda content: content[: len(content) // 2] + bytes(len(content) // 2),
    "a pickle": lambda content: b"\x80\x04\x95\x05\x00\x00\x00\x00\x00\x00\x00]q\x00.",
    "a cut gzip": lambda content: gzip.compress(content, mtime=0)[:-20],
    "a zip": lambda content: _zipped("inner.csv", content),
    "a cut zip": lambda content: _zipped("inner.csv", content)[:-30],
}
TEXT: dict[str, Callable[[bytes], bytes]] = {  # of text
    "blank": lambda content: b"\n \n\n",
    "gzip": lambda content: gzip.compress(content, mtime=0),
    "a blank first line": lambda content: b"\n" + content,
    "a blank line": lambda content: content.replace(b"\n", b"\n\n", 3),
    "no last line end": lambda content: content.rstrip(b"\n"),
    "CRLF": lambda content: content.replace(b"\n", b"\r\n"),
    "CR": lambda content: content.replace(b"\n", b"\r"),
    "a Python literal for a line": lambda content: content + b"{'a': None}\n",
    "a line of letters": lambda content: content + b"lorem ipsum\n",
}
ENCODED: dict[str, tuple[str, str]] = {  # of text, in another encoding: name, added first
    "a byte order mark": ("utf-8-sig", ""),
    "UTF-8": ("utf-8", ""),
    "UTF-16": ("utf-16", ""),
    "UTF-16 without a byte order mark": ("utf-16-le", ""),
    "Latin-1": ("latin-1", ""),
    "cp1252": ("cp1252", "\u2019"),
}


def _cells(change: Callable[[list[str]], list[str]], *, from_line: int, to_line: int | None = None):
    def damage(content: str, separator: str, head: int) -> str:
        lines = content.splitlines()
        first = from_line + (head if from_line else 0)
        for at in range(first, len(lines) if to_line is None else min(first + 1, len(lines))):
            lines[at] = separator.join(change(lines[at].split(separator)))
        return "\n".join([*lines, ""])

    return damage


def _lines(change: Callable[[list[str], int], list[str]]):
    def damage(content: str, separator: str, head: int) -> str:
        return "\n".join([*change(content.splitlines(), head), ""])

    return damage


HEADED = ("two columns swapped",)  # which can't be seen in a file without a header
COLUMNS: dict[str, Callable[[str, str, int], str]] = {  # of columns: text, separator, header lines
    "no last column": _cells(lambda cells: cells[:-1], from_line=0),
    "no first column": _cells(lambda cells: cells[1:], from_line=0),
    "a column more": _cells(lambda cells: [*cells, "x"], from_line=0),
    "a column of indices": _cells(lambda cells: ["0", *cells], from_line=0),
    "a cell more": _cells(lambda cells: [*cells, "x"], from_line=2, to_line=2),
    "a cell more in the first row": _cells(lambda cells: [*cells, "x"], from_line=0, to_line=0),
    "a cell less": _cells(lambda cells: cells[:-1], from_line=2, to_line=2),
    "empty cells": _cells(lambda cells: ["" for _ in cells], from_line=2, to_line=2),
    "NaN": _cells(lambda cells: ["NaN" for _ in cells], from_line=2, to_line=2),
    "two columns swapped": _cells(lambda cells: [cells[1], cells[0], *cells[2:]], from_line=0),
    "other names": _lines(
        lambda lines, head: [line.upper() for line in lines[:head]] + lines[head:]
    ),
    "no header": _lines(lambda lines, head: lines[head:]),
    "a header": _lines(lambda lines, head: lines if head else ["these,are,names", *lines]),
    "a header again": _lines(lambda lines, head: lines[:3] + lines[:head] + lines[3:]),
    "only a header": _lines(lambda lines, head: lines[:head]),
    "another separator": lambda content, separator, head: content.replace(
        separator, ";" if separator != ";" else ","
    ),
}


def damaged(published: Published, name: str, kind: str) -> bytes | None:
    """Return a published file damaged in a way, or None if that can't happen to it."""
    content = published.files[name]
    if kind in ANY:
        return ANY[kind](content)
    if name.endswith(".parquet"):
        return None
    if kind in TEXT:
        return TEXT[kind](content)
    text = content.decode("latin-1" if name in published.latin else "utf-8")
    if kind in ENCODED:
        encoding, added = ENCODED[kind]
        return text.replace("é", "é" + added).encode(encoding)
    if name not in published.separators or (kind in HEADED and name not in published.headed):
        return None
    other = COLUMNS[kind](text, published.separators[name], int(name in published.headed))
    return other.encode("latin-1" if name in published.latin else "utf-8")


KINDS = [*ANY, *TEXT, *ENCODED, *COLUMNS]
