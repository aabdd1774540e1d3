"""Read the signature of a ``_target_`` from its source, or import it where that isn't enough."""

import ast
import importlib
import inspect
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from seqrec.config.check.source import (
    Function,
    Scope,
    TargetError,
    dotted_name,
    find_definition,
    split_target,
)

PASS_THROUGH = {"torch.nn.Module", "typing.Protocol", "object"}  # bases without parameters


@dataclass(frozen=True)
class Parameter:
    """A parameter with its annotation, or None; names in it are looked up in `scope`."""

    required: bool
    annotation: ast.expr | None = None
    scope: Scope = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Signature:
    """The parameters of a class or function, and the constants of a class.

    Args:
        parameters: parameters by name, in order.
        open: whether it takes any keyword (``**kwargs``).
        attributes: class attributes that are constants, own and inherited.
    """

    parameters: dict[str, Parameter]
    open: bool = False
    attributes: dict[str, Any] = field(default_factory=dict)


@cache
def read_signature(target: str) -> Signature:
    """Return the signature of `target`, a dotted name.

    Raises:
        TargetError: there is no such module, or no such name in it.
    """
    found = find_definition(target)
    match found:
        case (ast.ClassDef() as node, scope):
            return _of_class(node, scope)
        case (ast.FunctionDef() | ast.AsyncFunctionDef() as node, scope):
            static = any(_mentions(d, "staticmethod") for d in node.decorator_list)
            method = len(split_target(target)[1]) > 1
            return _of_function(node, scope, bound=method and not static)
    return _of_object(_imported(target))


def read_attributes(target: str) -> dict[str, Any]:
    """Return the class attributes of `target` that are constants; none without source text.

    Nothing is imported, so it is safe for the target of an untrusted run.
    """
    try:
        match find_definition(target):
            case (ast.ClassDef() as node, _):
                return dict(_constants(node))
    except TargetError:
        pass
    return {}


def _of_function(node: Function, scope: Scope, *, bound: bool) -> Signature:
    taken = node.args
    positional = (taken.posonlyargs + taken.args)[bound:]
    free = len(positional) - len(taken.defaults)
    parameters = {
        a.arg: Parameter(index < free, a.annotation, scope) for index, a in enumerate(positional)
    }
    for a, default in zip(taken.kwonlyargs, taken.kw_defaults, strict=True):
        parameters[a.arg] = Parameter(default is None, a.annotation, scope)
    return Signature(parameters, open=taken.kwarg is not None)


def _of_class(node: ast.ClassDef, scope: Scope) -> Signature:
    bases = [_of_base(name) for base in node.bases if (name := dotted_name(base, scope))]
    attributes = {k: v for base in reversed(bases) for k, v in base.attributes.items()}
    attributes |= dict(_constants(node))
    init = next((s for s in node.body if getattr(s, "name", None) == "__init__"), None)
    if isinstance(init, ast.FunctionDef):
        own = _of_function(init, scope, bound=True)
        return Signature(own.parameters, own.open, attributes)
    if any(_mentions(d, "dataclass") for d in node.decorator_list):
        inherited = {k: v for base in reversed(bases) for k, v in base.parameters.items()}
        return Signature(inherited | dict(_fields(node, scope)), False, attributes)
    base = next((b for b in bases if b.parameters or b.open), Signature({}))
    return Signature(base.parameters, base.open, attributes)


def _of_base(name: str) -> Signature:
    if name in PASS_THROUGH:
        return Signature({})
    try:
        return read_signature(name)
    except TargetError:
        return Signature({}, open=True)  # unknown: accept anything


def _constants(node: ast.ClassDef) -> Iterator[tuple[str, Any]]:
    for statement in node.body:
        match statement:
            case (
                ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
                | ast.Assign(targets=[ast.Name(id=name)], value=value)
            ):
                with suppress(ValueError):  # not a constant
                    yield name, ast.literal_eval(value)


def _fields(node: ast.ClassDef, scope: Scope) -> Iterator[tuple[str, Parameter]]:
    for statement in node.body:
        match statement:
            case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation, value=value):
                options = _field_options(value)
                if not _mentions(annotation, "ClassVar") and options.get("init") is not False:
                    has_default = (
                        value is not None
                        if not isinstance(value, ast.Call)
                        else (
                            not _mentions(value.func, "field")
                            or bool({"default", "default_factory"} & set(options))
                        )
                    )
                    yield name, Parameter(not has_default, annotation, scope)


def _field_options(value: ast.expr | None) -> dict[str | None, Any]:
    """Return the keywords of ``field(...)``: constants by value, others as expressions."""
    if not isinstance(value, ast.Call):
        return {}
    return {
        k.arg: k.value.value if isinstance(k.value, ast.Constant) else k.value
        for k in value.keywords
    }


def _mentions(node: ast.expr, name: str) -> bool:
    return any(name in (getattr(n, "id", None), getattr(n, "attr", None)) for n in ast.walk(node))


def _imported(target: str) -> Any:
    parts = target.split(".")
    for size in range(len(parts) - 1, 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:size]))
        except ImportError:
            continue
        for name in parts[size:]:
            if not hasattr(found, name):
                raise TargetError(f"{'.'.join(parts[:size])} has no {name!r}")
            found = getattr(found, name)
        return found
    raise TargetError(f"{target!r} can't be imported")


def _of_object(found: Any) -> Signature:
    if not callable(found):
        raise TargetError(f"{found!r} can't be called")
    try:
        taken = inspect.signature(found).parameters.values()
    except ValueError:  # built-ins without a signature
        return Signature({}, open=True)
    named = [p for p in taken if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    return Signature(
        {p.name: Parameter(p.default is p.empty) for p in named},
        open=any(p.kind is p.VAR_KEYWORD for p in taken),
    )
