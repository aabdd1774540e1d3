"""JSON: an object a line, or several objects in an array or one after the other."""

import io
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import polars as pl

from seqrec.raw.parse.json_text import Object, documents, is_document, object_of, text_value
from seqrec.raw.parse.rows import BROKEN_JSON, MISFIT, Row
from seqrec.raw.parse.text import lines_of, open_text, reading, source_of

KEY_LINES = 100  # objects inspected to find the columns
NESTED = r"^[\[{]"
CONTROL = r"(?s)^[\[{].*[\x00-\x1f]"  # polars writes control characters in nested text as they are
NUL = "\0"  # what polars makes of half a surrogate pair


@dataclass(frozen=True)
class JsonLines:
    """One JSON object a line; or several in an array, or written over several lines.

    Numbers are read as their value: whole ones as their digits, so that ``7.0`` is ``7``. Of keys
    that occur twice in an object the first counts.

    Args:
        encoding: of the text.
    """

    encoding: str = "utf-8"

    def columns(self, path: Path, *, whole: bool = False) -> list[str]:
        """See :class:`~seqrec.raw.parse.rows.Format`; the keys of the first objects, or of all."""
        if whole:
            try:
                source = self._source(path)
                return pl.scan_ndjson(source, infer_schema_length=None).collect_schema().names()
            except (pl.exceptions.PolarsError, OSError):  # the careful way tells what is wrong
                return list(dict.fromkeys(key for row in self._objects(path) for key in row))
        return list(dict.fromkeys(key for row in self._head(path) for key in row))

    def nested(self, path: Path) -> set[str]:
        """See :class:`~seqrec.raw.parse.rows.Format`; decided by the majority of the first."""
        present, nested = Counter[str](), Counter[str]()
        for row in self._head(path):
            present.update(key for key, value in row.items() if value is not None)
            nested.update(key for key, value in row.items() if isinstance(value, dict | list))
        return {key for key, number in nested.items() if number * 2 > present[key]}

    def doubtful(self, column: pl.Expr, *, one_value: bool) -> pl.Expr:
        """See :class:`~seqrec.raw.parse.rows.Format`."""
        nested = column.str.contains(NESTED if one_value else CONTROL)
        return nested | column.str.contains(NUL, literal=True)

    def scan(self, path: Path, names: Iterable[str] = ()) -> pl.LazyFrame:
        """See :class:`~seqrec.raw.parse.rows.Format`."""
        schema = dict.fromkeys([*self.columns(path), *names], pl.String)
        frame = pl.scan_ndjson(self._source(path), schema=schema)
        return frame.with_columns(pl.lit(False).alias(MISFIT))

    def rows(self, path: Path) -> Iterator[Row]:
        """See :class:`~seqrec.raw.parse.rows.Format`."""
        for line, text, found in self._records(path):
            if found is None:
                yield Row(line, text, {}, BROKEN_JSON)
            else:
                nested = frozenset(k for k, v in found.items() if isinstance(v, dict | list))
                values = {key: text_value(value) for key, value in found.items()}
                yield Row(line, text, values, nested=nested)

    def fits(self, path: Path) -> bool:
        """Return whether a file begins with an object, or an array of them."""
        return self._is_document(path) or any(islice(self._objects(path), 1))

    def inner(self, path: Path) -> str | None:
        """Return the key of the array in which a file's only object has its rows."""
        first, *more = islice(self._objects(path), 2)
        for key, value in first.items():
            if not more and isinstance(value, list) and value and isinstance(value[0], dict):
                return key
        return None

    def _source(self, path: Path) -> Path | io.BytesIO:
        """Return what polars can read as one object a line."""
        if not self._is_document(path):
            return source_of(path, self.encoding)
        return io.BytesIO("".join(text + "\n" for _, text, _ in self._records(path)).encode())

    def _is_document(self, path: Path) -> bool:
        with reading(path, self.encoding), open_text(path, self.encoding) as stream:
            return is_document(stream)

    def _head(self, path: Path) -> list[Object]:
        return list(islice(self._objects(path), KEY_LINES))

    def _objects(self, path: Path) -> Iterator[Object]:
        return (found or {} for _, _, found in self._records(path))

    def _records(self, path: Path) -> Iterator[tuple[int, str, Object | None]]:
        """Yield line number, text and object of each record; None if it isn't one."""
        if self._is_document(path):
            with reading(path, self.encoding), open_text(path, self.encoding) as stream:
                yield from documents(stream.read())
            return
        with reading(path, self.encoding), lines_of(path, self.encoding) as lines:
            for line, text in enumerate(lines, start=1):
                if text.strip():
                    yield line, text.strip(), object_of(text)
