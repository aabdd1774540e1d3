"""JSON as text: objects, wherever they stand, and the text of their values."""

import json
import math
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import IO, Any

Object = dict[str, Any]
HEAD = 1 << 20  # characters in which the first object of a document must end
SURROGATE = re.compile("[\ud800-\udfff]")
BETWEEN = re.compile(r"[\ufeff\s,\[\]]*")  # around the objects of an array
NEXT = re.compile(r"\}\s*,?\s*(?=\{)")  # between two objects


def object_of(text: str) -> Object | None:
    """Return the object that a text is, None if it is none; a comma may follow."""
    try:
        found = DECODER.decode(text.strip("\ufeff\x1e \t\r\n").removesuffix(","))
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def is_document(stream: IO[str]) -> bool:
    """Return whether a text is an array of objects, or isn't one object a line."""
    head = stream.read(HEAD).lstrip("\ufeff \t\r\n")
    if re.match(r"\[\s*\{", head):
        return True
    try:
        _, end = DECODER.raw_decode(head)
    except (ValueError, RecursionError):
        return False
    several = "\n" in head[:end] or re.match("[ ,]*{", head[end:])
    return head.startswith("{") and bool(several)


def documents(text: str) -> Iterator[tuple[int, str, Object | None]]:
    """Yield first line, text on one line, and value of each object in an array or a sequence.

    After something that isn't an object, reading goes on where one seems to begin.
    """
    line, at = 1, 0
    start = BETWEEN.match(text, 0).end()  # type: ignore[union-attr]
    while start < len(text):
        line, at = line + text.count("\n", at, start), start
        try:
            found, end = DECODER.raw_decode(text, start)
        except (ValueError, RecursionError):
            again = NEXT.search(text, start)
            found, end = None, again.start() + 1 if again else len(text)
        piece = " ".join(text[start:end].split())
        yield line, piece, found if isinstance(found, dict) else None
        start = BETWEEN.match(text, end).end()  # type: ignore[union-attr]


def text_value(value: object) -> str | None:
    """Return a value of JSON as text: as it is, as digits, or as JSON without line ends.

    A number has as many digits as tell it from others, and no exponent; one that isn't finite is no
    value, and neither is text with half a surrogate pair.
    """
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return None
    text = value if isinstance(value, str) else _written(value)
    return None if SURROGATE.search(text) else text


def _written(value: object) -> str:
    """Write a value as polars does."""
    if isinstance(value, float) and math.isfinite(value):
        text = format(Decimal(repr(value)), "f")
        return text.rstrip("0").rstrip(".") if "." in text else text
    if isinstance(value, list):
        return f"[{', '.join(map(_written, value))}]"
    if isinstance(value, _Pairs):
        return "{" + ", ".join(f"{_written(k)}: {_written(v)}" for k, v in value.pairs) + "}"
    return json.dumps(value, ensure_ascii=False)


class _Pairs(dict[str, Any]):
    """An object by the first value of each key (half a surrogate pair is none), and its pairs."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__()
        for key, value in pairs:
            if key.isascii() or not SURROGATE.search(key):
                self.setdefault(key, value)
        self.pairs = pairs


DECODER = json.JSONDecoder(
    object_pairs_hook=_Pairs,
    parse_constant=lambda name: None,  # NaN, Infinity
)
