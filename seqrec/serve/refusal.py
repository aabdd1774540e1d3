"""Refusals: what a client is told, with a status, in the manner of all errors here."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from seqrec.config.check.mistakes import unknown
from seqrec.errors import SeqrecError

UNKNOWN = "Object contains unknown field `"


class RequestError(Exception):
    """A request that isn't answered.

    Args:
        status: of HTTP: 400 for a request that can't be answered by anybody, 401, 403, 404, 408,
            409, 413, 415, 429, and 503 for one that may be sent again later.
        what: the fact, in one sentence.
        where: the field.
        todo: how to fix it.
        after: seconds after which it may be sent again.
    """

    def __init__(
        self,
        status: int,
        what: str,
        *,
        where: str | None = None,
        todo: str | None = None,
        after: int | None = None,
    ) -> None:
        super().__init__(what)
        self.status, self.what, self.where, self.todo, self.after = status, what, where, todo, after

    @classmethod
    def of(cls, error: SeqrecError, status: int = 400) -> "RequestError":
        """Tell an error of the code behind."""
        return cls(status, error.what, where=error.where, todo=error.todo)

    def content(self) -> dict[str, Any]:
        """Return what the answer holds."""
        told = {"what": self.what, "where": self.where, "fix": self.todo}
        return {"error": {name: text for name, text in told.items() if text is not None}}

    def headers(self) -> list[tuple[bytes, bytes]]:
        """Return the headers that belong to it."""
        more = [] if self.after is None else [(b"retry-after", str(self.after).encode())]
        return [*more, *([(b"www-authenticate", b"Bearer")] if self.status == 401 else [])]


def misread(error: Exception, fields: Mapping[str, Sequence[str]]) -> RequestError:
    """Say why a body can't be read.

    Args:
        error: what the decoder raised.
        fields: the names that an object may have, by the path of the object.
    """
    text = str(error)
    if not isinstance(error, msgspec.ValidationError):
        return RequestError(400, f"the body isn't JSON: {text}", todo="send JSON in UTF-8")
    what, _, path = text.partition(" - at `")
    path = path.removesuffix("`") or "$"
    where = path.removeprefix("$").removeprefix(".") or "the body"
    if what.startswith(UNKNOWN):
        name = what.removeprefix(UNKNOWN).removesuffix("`")
        known = fields.get(path.partition("[")[0], ())
        return RequestError(400, f"{name}: {unknown(name, known)}", where=where)
    return RequestError(
        400, what.replace("`", ""), where=where, todo="/openapi.json says what it may be"
    )
