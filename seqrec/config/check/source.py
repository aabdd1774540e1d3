"""Resolve dotted names from source text, without importing anything.

Importing torch to learn that Adam has a parameter ``lr`` takes seconds; a configuration error
should appear at once. So a module is found on the path, parsed, and its names are followed through
re-exports.
"""

import ast
import importlib.util
import sys
from collections.abc import Iterator
from functools import cache
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

Scope = dict[str, ast.stmt | str]  # name -> its statement, or the dotted name it is imported from
Function = ast.FunctionDef | ast.AsyncFunctionDef


class TargetError(LookupError):
    """A dotted name that can't be resolved; the message says which part."""


def find_definition(target: str, *, hops: int = 20) -> tuple[ast.stmt, Scope] | None:
    """Return the statement that defines a dotted name, and its scope.

    Return None if the source doesn't show it: C extensions, names made at run time.

    Raises:
        TargetError: there is no such module, or no such name in it.
    """
    module, rest = split_target(target)
    if module is None or not rest or not hops:
        return None
    scope = module_scope(module)
    found = scope.get(rest[0])
    if isinstance(found, str):
        return find_definition(".".join([found, *rest[1:]]), hops=hops - 1)
    if found is None:
        if "__getattr__" in scope:
            return None
        raise TargetError(f"{module} has no {rest[0]!r}")
    for name in rest[1:]:
        body = found.body if isinstance(found, ast.ClassDef) else []
        inner = [s for s in body if getattr(s, "name", None) == name]
        if not inner:
            return None
        found = inner[-1]
    return found, scope


def split_target(target: str) -> tuple[str | None, list[str]]:
    """Split a dotted name into the longest module that has source, and the rest.

    Raises:
        TargetError: not even the first part is a module.
    """
    parts = target.split(".")
    if not parts[0] or _spec(parts[0]) is None:
        raise TargetError(f"there is no module {parts[0]!r}")
    for size in range(len(parts), 0, -1):
        module = ".".join(parts[:size])
        if source_file(module):
            return module, parts[size:]
    return None, parts


def search_too(folder: Path) -> None:
    """Add a folder to the end of the module search path."""
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
        importlib.invalidate_caches()
        _spec.cache_clear()  # a missing module may exist now


def source_file(module: str) -> Path | None:
    """Return the source file of a module, without importing it or its parents."""
    spec = _spec(module)
    return Path(spec.origin) if spec and spec.origin and spec.origin.endswith(".py") else None


@cache
def module_scope(module: str) -> Scope:
    """Return the names at the top level of a module: definitions, assignments and imports."""
    path = source_file(module)
    if path is None:
        return {}
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    scope: Scope = {"__name__": module}
    for node in _statements(ast.parse(path.read_text(encoding="utf-8")).body):
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                scope[name] = node
            case ast.Assign(targets=[ast.Name(id=name)]):
                scope[name] = node
            case ast.Import(names=names):
                for alias in names:
                    top = alias.name if alias.asname else alias.name.partition(".")[0]
                    scope[alias.asname or top] = top
            case ast.ImportFrom(names=names):
                origin = _origin(node, package)
                for alias in names:
                    if alias.name == "*":
                        public = (name for name in module_scope(origin) if name[0] != "_")
                        scope |= {name: f"{origin}.{name}" for name in public}
                    elif f"{origin}.{alias.name}" != f"{module}.{alias.asname or alias.name}":
                        scope[alias.asname or alias.name] = f"{origin}.{alias.name}"
    return scope


def dotted_name(node: ast.expr, scope: Scope) -> str | None:
    """Return the full dotted name of an expression such as ``nn.Module``."""
    match node:
        case ast.Subscript(value=value):  # Generic[T]
            return dotted_name(value, scope)
        case ast.Attribute(value=value, attr=attr):
            owner = dotted_name(value, scope)
            return f"{owner}.{attr}" if owner else None
        case ast.Name(id=name):
            found = scope.get(name)
            if found is None:  # a builtin
                return name
            return found if isinstance(found, str) else f"{scope['__name__']}.{name}"
    return None


def _origin(node: ast.ImportFrom, package: str) -> str:
    if not node.level:
        return node.module or ""
    parts = package.split(".")
    base = parts[: len(parts) - node.level + 1]
    return ".".join([*base, *([node.module] if node.module else [])])


@cache
def _spec(module: str) -> ModuleSpec | None:
    parent, _, name = module.rpartition(".")
    if not parent:
        try:
            return importlib.util.find_spec(name)
        except ValueError:  # modules without a spec, like __main__
            return None
    above = _spec(parent)
    folders = above.submodule_search_locations if above else None
    return PathFinder.find_spec(module, list(folders)) if folders else None


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        yield node
        if isinstance(node, ast.If | ast.Try):
            yield from _statements([*node.body, *node.orelse])
