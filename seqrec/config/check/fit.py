"""Check plain values against annotations; only clear mistakes are reported."""

import ast
from typing import Any

from seqrec.config.check.source import Scope, dotted_name

PLAIN: dict[str, tuple[type, ...]] = {
    "int": (int,),
    "float": (float, int),
    "bool": (bool,),
    "str": (str,),
    "bytes": (str,),
    "Path": (str,),
    "None": (type(None),),
    "Tensor": (),
    "dict": (dict,),
    "Mapping": (dict,),
}
QUOTES = "'\""
SEQUENCES = {"list", "List", "tuple", "Tuple", "set", "frozenset", "Sequence", "Iterable"}


def fits(value: Any, annotation: ast.expr | None, scope: Scope) -> bool:
    """Return whether `value`, as read from YAML, fits the parameter that `annotation` declares.

    Args:
        value: str, int, float, bool, None, list or dict.
        annotation: the parsed annotation, or None; its names are looked up in `scope`.
        scope: the module's names; assignments are taken for type aliases.
    """
    if isinstance(value, dict) and "_target_" in value:
        return True  # it is built before it is passed
    match annotation:
        case ast.Constant(value=None):
            return value is None
        case ast.Constant(value=str(text)):  # a quoted annotation
            return fits(value, ast.parse(text, mode="eval").body, scope)
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return fits(value, left, scope) or fits(value, right, scope)
        case ast.Subscript(value=generic, slice=inner):
            return _fits_generic(value, _last(generic, scope), _members(inner), scope)
        case ast.Name(id=name) if isinstance(alias := scope.get(name), ast.Assign):
            return fits(value, alias.value, scope)
        case ast.Name() | ast.Attribute():
            return _fits_name(value, _last(annotation, scope))
    return True


def describe(annotation: ast.expr | None, scope: Scope) -> str:
    """Describe what fits an annotation: aliases are looked up, a Literal lists its values."""
    match annotation:
        case ast.Name(id=name) if isinstance(alias := scope.get(name), ast.Assign):
            return describe(alias.value, scope)
        case ast.BinOp(left=left, op=ast.BitOr(), right=ast.Name(id="Tensor")):
            return describe(left, scope)  # nobody can type a tensor
        case ast.Subscript(value=generic, slice=inner) if _last(generic, scope) == "Literal":
            return f"one of {', '.join(ast.unparse(m).strip(QUOTES) for m in _members(inner))}"
    return ast.unparse(annotation) if annotation else "anything"


def _fits_generic(value: Any, generic: str, members: list[ast.expr], scope: Scope) -> bool:
    if generic == "Literal":
        allowed = [m.value for m in members if isinstance(m, ast.Constant)]
        return any(value == a and type(value) is type(a) for a in allowed)
    if generic == "Optional":
        return value is None or fits(value, members[0], scope)
    if generic == "Union":
        return any(fits(value, member, scope) for member in members)
    if generic in SEQUENCES:
        if not isinstance(value, list):
            return False
        if generic in ("tuple", "Tuple") and not _is_open(members):
            pairs = zip(value, members, strict=False)
            return len(value) == len(members) and all(fits(v, m, scope) for v, m in pairs)
        return all(fits(v, members[0], scope) for v in value)
    return _fits_name(value, generic)


def _fits_name(value: Any, name: str) -> bool:
    if name in SEQUENCES:
        return isinstance(value, list)
    kinds = PLAIN.get(name)
    if kinds is None:
        return True
    return isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool))


def _last(node: ast.expr, scope: Scope) -> str:
    return (dotted_name(node, scope) or "").rpartition(".")[2]


def _members(node: ast.expr) -> list[ast.expr]:
    return node.elts if isinstance(node, ast.Tuple) else [node]


def _is_open(members: list[ast.expr]) -> bool:
    """Return whether the members are those of ``tuple[int, ...]``."""
    return isinstance(members[-1], ast.Constant) and members[-1].value is Ellipsis
