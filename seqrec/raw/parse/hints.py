"""What to do about a file that lacks the columns that were asked for."""

import ast
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

from seqrec.errors import ColumnsError, DataError
from seqrec.raw.parse.first_lines import find_separator, first_lines
from seqrec.raw.parse.formats import Delimited, Format, JsonLines

KEYS = {  # the keys that name a column, and what their columns are often called
    "user": ("user", "customer", "visitor", "reviewer", "member", "client", "account", "session"),
    "item": ("item", "product", "article", "sku", "asin", "movie", "book", "track", "song", "isbn"),
    "timestamp": ("timestamp", "time", "date", "created", "bought", "_at"),
    "rating": ("rating", "stars", "score", "overall"),
    "items_item": ("item", "product", "article", "sku", "asin", "movie", "book", "track", "id"),
    "items_title": ("title", "name"),
    "users_user": ("user", "customer", "visitor", "reviewer", "member", "client", "id"),
}
AS_PUBLISHED = "use a file that has it, as it was published"
OPTIONAL = ("timestamp", "rating", "items_title")  # keys that may be null
NUMBER = re.compile(r"[+-]?\d[\d.,:/ TZ+-]*")
TIME = re.compile(r"\d{9,}(\.\d+)?|\d{4}-\d\d-\d\d.*")
PLAIN = re.compile(r"(?!(?i:null|true|false)$)[\w.:/@%+?|-]+( [\w.:/@%+?|-]+)*")  # in an override


def missing_columns(
    path: Path, form: Format, columns: Mapping[str, str], present: Sequence[str]
) -> DataError:
    """Return an error that names all columns which a file lacks, and what may be meant.

    Args:
        path: the file.
        form: its format.
        columns: config key -> name of a column it must have; ``context NAME`` for a context column.
        present: the columns that it has.
    """
    if isinstance(form, JsonLines) and not present:
        return _no_json(path, form)
    missing = {role: name for role, name in columns.items() if name not in present}
    several = "s" * (len(missing) > 1)
    what = f"{path.name} has no column{several} {', '.join(map(repr, missing.values()))}"
    if isinstance(form, Delimited) and form.names is None and _has_title(path, form):
        return DataError(
            f"{what}; its first line has a title, no names: {form.separator.join(present)}",
            where=str(path),
            todo="delete the lines before the header",
        )
    if isinstance(form, JsonLines) and (inner := form.inner(path)):
        return DataError(
            f"{what}; it is one object, with its rows in {inner!r}",
            where=str(path),
            todo=f"write the array {inner!r} into a file of its own",
        )
    if isinstance(form, Delimited) and form.names is None and any(map(NUMBER.fullmatch, present)):
        what += f"; its first line reads like a row: {', '.join(present)}"
        return DataError(what, where=str(path), todo=_without_header(path, form, columns, present))
    if isinstance(form, Delimited) and len(present) == 1 < len(columns):
        return DataError(
            f"{what}; it has one column, {present[0]}",
            where=str(path),
            todo="set data.separator to what is between the columns",
        )
    free = [name for name in present if name not in columns.values()]
    todo = []
    for role, name in missing.items():
        near = _nearest(role, name, free)
        free = [other for other in free if other != near]
        if role in KEYS:
            value = near or ("null" if role in OPTIONAL else "COLUMN")
            todo.append(_override(role, value) if near else f"data.{role}={value}")
    keys = f"name the column{several} with {' '.join(todo)}"
    if "data.timestamp=null" in todo:
        keys += " (null: the events are in the order of their times)"
    if "items_title" in missing and "data.items_title=null" not in todo:
        keys += " (null, if there are no titles: data.items_title=null)"
    if any(role.startswith("context ") for role in missing):
        todo.append("data.context")
        keys = "correct the names in data.context" if len(todo) == 1 else f"{keys}; data.context"
    return ColumnsError(
        f"{what}; it has {', '.join(present)}",
        where=str(path),
        todo=keys if todo else AS_PUBLISHED,
    )


def _nearest(role: str, name: str, free: Sequence[str]) -> str | None:
    """Return the free column that is most likely meant by a name for a role."""
    lower = {other.lower(): other for other in reversed(free)}
    words = KEYS.get(role, ())
    near = (
        get_close_matches(name.lower(), lower, n=1, cutoff=0.6)
        or [other for word in words for other in sorted(lower, key=len) if word in other]
        or get_close_matches(name.lower(), lower, n=1, cutoff=0.4)
    )
    return lower[near[0]] if near else None


def _has_title(path: Path, form: Delimited) -> bool:
    """Return whether the lines after the first are separated otherwise."""
    rest = [line for line in first_lines(path, form.encoding) if line.strip()][1:]
    other = find_separator(path, rest) if rest else " "
    return other != " " and other in rest[0] and form.separator not in rest[0]


def _without_header(
    path: Path, form: Delimited, columns: Mapping[str, str], first: Sequence[str]
) -> str:
    """Return how to read a file whose first line is a row."""
    lines = first_lines(path, form.encoding)
    widths = {len(line.split()) for line in lines if line.strip()}
    sequences = "data=sequences if each line is a user and all items of theirs"
    if form.separator in " \t" and len(widths) > 1 and min(widths) > 1:
        return f"set {sequences}"
    times = [at for at, cell in enumerate(first) if TIME.fullmatch(cell)]
    ids = [at for at in range(len(first)) if at not in times[:1]]
    at = dict(zip(("user", "item"), ids, strict=False))
    if "timestamp" in columns and times:
        at["timestamp"] = times[0]
    keys = [f"data.{role}={at[role] + 1}" if role in at else f"data.{role}=null"
            for role in columns if role in ("user", "item", "timestamp")]  # fmt: skip
    if not {"user", "item"} <= at.keys():
        return "add a first line with the names of the columns"
    other = f", or {sequences}" if form.separator in " \t" else ""
    return f"set data.header=false {' '.join(keys)} (the columns are counted from 1){other}"


def _override(role: str, value: str) -> str:
    """Return an override as one types it in a shell."""
    if not PLAIN.fullmatch(value):
        escaped = value.replace("\\", "\\\\").replace("'", "\\'")
        value = f"'{escaped}'"
    return shlex.quote(f"data.{role}={value}")


def _no_json(path: Path, form: JsonLines) -> DataError:
    """Return an error that says what a file without any JSON object is."""
    lines: Iterable[str] = (line for line in first_lines(path, form.encoding) if line.strip())
    first = next(iter(lines), "")
    try:
        is_python = isinstance(ast.literal_eval(first.strip()), dict)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        is_python = False
    if is_python:
        program = (
            "import ast,json,sys; [print(json.dumps(ast.literal_eval(line))) for line in sys.stdin]"
        )
        return DataError(
            f"{path.name} has Python literals in its lines, not JSON",
            where=f"{path}\n    line 1: {first[:100]!r}",
            todo=f"convert it: python -c '{program}' < {shlex.quote(str(path))} > events.jsonl",
        )
    return DataError(
        f"{path.name} holds no JSON object",
        where=f"{path}\n    line 1: {first[:100]!r}",
        todo="write one object a line, or an array of objects; or end its name in .csv if it is "
        "delimited text",
    )
