"""Parse ``key=value`` arguments of scripts, declared as a dataclass.

A script may also take words (folders, say) and keys that it doesn't declare: one field each,
declared with ``metadata=WORDS`` (a list) and ``metadata=PAIRS`` (a dict of texts).

Values keep their text: an id such as ``0000013714`` or ``1e5`` is never read as a number unless
its field says so.
"""

import dataclasses
import inspect
import re
import sys
import types
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from seqrec.config.check.mistakes import refuse, unknown
from seqrec.home import as_started

Arguments = TypeVar("Arguments")
WORDS, PAIRS = {"holds": "FOLDER ..."}, {"holds": "KEY=VALUE"}  # as the usage shows them
YES_NO = {"true": True, "false": False}
TYPE_WORDS: dict[Any, str] = {int: "a whole number", float: "a number", bool: "true or false"}


def parse(declared: type[Arguments], argv: list[str]) -> Arguments:
    """Read ``key=value`` arguments into a dataclass; ``--help`` prints the usage and ends.

    Fields may be str, int, float, bool, Path, a list of these (``[a, b]``), or ``| None``.
    The usage is the dataclass's docstring and the comment behind each field.

    Args:
        declared: the dataclass.
        argv: arguments without the program's name.

    Raises:
        ConfigError: there are mistakes; it lists them all, and the usage.
    """
    if {"--help", "-h"} & set(argv):
        print(usage(declared))
        sys.exit(0)
    fields = {f.name: f for f in dataclasses.fields(declared)}  # type: ignore[arg-type]
    words, pairs = _holder(fields, WORDS), _holder(fields, PAIRS)
    hints, mistakes = get_type_hints(declared), []
    values: dict[str, Any] = {}
    for argument in argv:
        key, equals, text = argument.partition("=")
        if argument.startswith("="):
            mistakes.append(f"{argument}: can't be read; write key=value")
        elif words and not argument.startswith("-") and (not equals or Path(argument).exists()):
            values.setdefault(words, []).append(argument)
        elif not equals:
            mistakes.append(f"{argument}: can't be read; write key=value")
        elif pairs and (key not in fields or key == pairs):
            values.setdefault(pairs, {})[key] = _unquote(text)
        elif key not in fields:
            mistakes.append(f"{key}: {unknown(key, fields)}")
        else:
            try:
                values[key] = _convert(text, hints[key])
            except ValueError as error:
                mistakes.append(f"{key}: {error}")
    given = {argument.partition("=")[0] for argument in argv}
    names = argument_names(declared)
    needed = [n for n in names if n not in given and _is_required(fields[n])]
    like = {key: {*get_close_matches(key, names, n=1)} for key in given - {*names}}
    mistakes += [
        f"{key}: {unknown(key, names)}"
        for key in values.get(pairs or "", {})
        if like.get(key, set()) & {*needed}
    ]
    missing = [n for n in needed if not any(n in near for near in like.values())]
    mistakes += [f"{n}: must be given ({n}=...)" for n in missing]
    refuse(mistakes, todo=see_usage(declared, whole=bool(missing)))
    return declared(**values)


def see_usage(declared: type, *, whole: bool = False) -> str:
    """Return how to fix arguments: the command that shows the usage, or the usage itself."""
    text = usage(declared)
    if whole:
        return f"see the usage\n\n{text}"
    started = re.search(r"^(python scripts/\w+\.py|seqrec \w+)", text, flags=re.MULTILINE)
    return f"correct the above; {started[0] if started else 'the program'} --help shows the usage"


def argument_names(declared: type) -> list[str]:
    """Return the arguments of a program that have a name of their own."""
    fields = {field.name: field for field in dataclasses.fields(declared)}
    holders = {_holder(fields, WORDS), _holder(fields, PAIRS)}
    return [name for name in fields if name not in holders]


def usage(declared: type) -> str:
    """Return the docstring of a dataclass, and a line for each field."""
    comments = _comments(declared)
    rows = []
    for field in dataclasses.fields(declared):
        default = "required" if _is_required(field) else f"default {_show(field)}"
        name = field.metadata.get("holds", field.name)
        rows.append((name, f"{comments.get(field.name, '')} ({default})".strip()))
    width = max(len(name) for name, _ in rows)
    lines = "\n".join(f"  {name:<{width}}  {text}" for name, text in rows)
    return f"{as_started(inspect.cleandoc(declared.__doc__ or declared.__name__))}\n\n{lines}"


def split_list(text: str) -> list[str]:
    """Split ``[a, b]`` or ``a, b``; quotes keep commas and spaces together."""
    inner = text.strip()
    if inner.startswith("[") and inner.endswith("]"):
        inner = inner[1:-1]
    parts = re.findall(r"""\s*("[^"]*"|'[^']*'|[^,]*)\s*(?:,|$)""", inner)
    return [_unquote(part) for part in parts if part.strip()]


def _convert(text: str, kind: Any) -> Any:
    members = get_args(kind)
    if get_origin(kind) in (Union, types.UnionType):
        if text == "null" and type(None) in members:
            return None
        return _convert(text, next(m for m in members if m is not type(None)))
    if get_origin(kind) is list:
        return [_convert(part, members[0]) for part in split_list(text)]
    try:
        return YES_NO[text.lower()] if kind is bool else kind(_unquote(text))
    except (KeyError, ValueError):
        raise ValueError(f"{text!r} isn't {TYPE_WORDS[kind]}") from None


def _unquote(text: str) -> str:
    text = text.strip()
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text


def _holder(fields: dict[str, Any], what: dict[str, str]) -> str | None:
    """Return the field that holds words, or undeclared keys; None if there is none."""
    return next((name for name, field in fields.items() if field.metadata == what), None)


def _is_required(field: dataclasses.Field) -> bool:
    missing = dataclasses.MISSING
    return field.default is missing and field.default_factory is missing


def _show(field: dataclasses.Field) -> str:
    value = field.default
    if value is dataclasses.MISSING:
        value = field.default_factory()  # type: ignore[misc,operator]
    if isinstance(value, list | dict):
        return " ".join(map(str, value)) or "none"
    return "null" if value is None else str(value)


def _comments(declared: type) -> dict[str, str]:
    lines = inspect.getsource(declared).splitlines()
    matches = (re.match(r"\s+(\w+):.*?\s# (.+)", line) for line in lines)
    return {m[1]: m[2] for m in matches if m}
