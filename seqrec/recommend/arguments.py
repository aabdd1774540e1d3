"""The arguments of a recommender as people write them: checked, and in one form."""

from collections.abc import Iterable, Mapping, Set
from dataclasses import replace
from numbers import Integral
from typing import Any

from seqrec.clock import instant
from seqrec.errors import DataError
from seqrec.recommend.session import Session

EXAMPLE = 'write a list of original ids, such as ["A17", "B02"]'


def ids_of(given: Any, *, where: str) -> list[str]:
    """Return original ids as the texts that they are in the data; whole numbers become texts.

    Args:
        given: ids in any order that can be gone through once.
        where: the argument, for the error.

    Raises:
        DataError: it isn't a collection of ids, or an id is neither a text nor a whole number.
    """
    if isinstance(given, str | bytes | Mapping) or not isinstance(given, Iterable):
        raise DataError(f"{given!r} isn't a list of ids", where=where, todo=EXAMPLE)
    return [id_of(each, where=where) for each in given]


def id_of(given: Any, *, where: str) -> str:
    """Return an original id as text.

    Raises:
        DataError: it is neither a text nor a whole number.
    """
    if isinstance(given, str):
        return str(given)
    if isinstance(given, Integral) and not isinstance(given, bool):
        return str(int(given))
    kind = type(given).__name__
    raise DataError(
        f"{given!r} ({kind}) isn't an id: ids are texts or whole numbers", where=where, todo=EXAMPLE
    )


def session_of(given: Any, *, where: str = "session") -> Session:
    """Return a session, or one of items alone, with its ids as texts.

    Raises:
        DataError: it has no items, no order, or values that a session can't have.
    """
    session = given if isinstance(given, Session) else Session(given)
    if isinstance(session.items, Set):
        raise DataError("a set has no order, which a session needs", where=where, todo=EXAMPLE)
    items = ids_of(session.items, where=where)
    if not items:
        raise DataError("the session has no items", where=where, todo=EXAMPLE)
    if not isinstance(session.context, Mapping):
        raise DataError(
            f"{session.context!r} isn't a mapping of names to values",
            where="context",
            todo='write context={"rating": [5, 4]}',
        )
    context = {}
    for name, column in session.context.items():
        if isinstance(column, str | bytes) or not isinstance(column, Iterable):
            raise DataError(
                f"{name}: {column!r} isn't a list of values, one for each item", where="context"
            )
        context[name] = list(column)
    return replace(session, items=items, context=context, asked=moment_of(session.asked))


def moment_of(given: Any) -> int | None:
    """Return milliseconds since 1970 as they are, and an ISO time as milliseconds.

    Raises:
        ConfigError: it is neither.
    """
    if isinstance(given, Integral):
        return int(given)
    return instant(given, where="asked")


def length_of(k: Any) -> int:
    """Return the length of a list.

    Raises:
        DataError: it isn't a whole number of at least 1.
    """
    if isinstance(k, bool) or not isinstance(k, Integral):
        raise DataError(f"k={k!r}: must be a whole number", todo="use k=10, for example")
    if k < 1:
        raise DataError(f"k={k}: must be at least 1", todo="use k=10, for example")
    return int(k)


def choice_of(mask_seen: Any) -> bool | None:
    """Return whether seen items are left out; None: as in the run.

    Raises:
        DataError: it is neither true, false nor None.
    """
    if mask_seen is None or mask_seen in (True, False):
        return None if mask_seen is None else bool(mask_seen)
    raise DataError(f"mask_seen={mask_seen!r}: must be True, False or None")
