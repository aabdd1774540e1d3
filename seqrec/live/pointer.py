"""The pointer file ``live.json``: which bundle serves which share of the sessions.

A promotion replaces the file in one step; a server reads it when it changes. Whoever reads it finds
the old content or the new one. Torch-free.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from seqrec.disk.write import write_file
from seqrec.errors import RunError

POINTER = "live.json"
FORMAT = 1
ROLES = ("live", "canary", "shadow", "previous")


@dataclass(frozen=True)
class Served:
    """A bundle that the pointer names.

    Args:
        bundle: its folder; a relative one starts at the folder of the pointer file.
        sha: what names its content, ``Bundle.sha``.
    """

    bundle: str
    sha: str


@dataclass(frozen=True)
class Live:
    """What is served.

    Args:
        version: counts up with every change of the file, rollbacks too.
        time: of the change, in milliseconds since 1970.
        salt: of the draw of sessions, so that each canary is tried on other sessions.
        share: share of the sessions that the canary answers, from 0 to 1.
        live: answers all other sessions.
        canary: answers its share; None: there is none.
        shadow: is asked beside, and answers nobody; None: there is none.
        shadow_share: share of the requests that the shadow is asked, too, from 0 to 1.
        previous: what a rollback of `live` returns to; None: there is none.
    """

    version: int
    time: int
    salt: str
    live: Served
    share: float = 0.0
    canary: Served | None = None
    shadow: Served | None = None
    shadow_share: float = 0.0
    previous: Served | None = None

    def role_of(self, key: str) -> str:
        """Return whether ``live`` or ``canary`` answers.

        A session keeps its answer while the share stays, and as the share grows the sessions that
        the canary has stay with it.

        Args:
            key: the session's id or, for a request without a session, the request's.
        """
        return "canary" if self.canary and point(self.salt, key) < self.share else "live"

    def is_shadowed(self, request: str) -> bool:
        """Return whether the shadow is asked a request, too."""
        return self.shadow is not None and point(f"{self.salt}:shadow", request) < self.shadow_share

    def of(self, key: str) -> Served:
        """Return the bundle that answers; see :meth:`role_of`."""
        return self.canary if self.canary and self.role_of(key) == "canary" else self.live


def point(salt: str, key: str) -> float:
    """Return a number from 0 to 1 that is drawn by a key, and evenly over keys."""
    digest = hashlib.sha256(f"{salt}:{key}".encode()).digest()
    return (int.from_bytes(digest[:8], "big") >> 11) / 2**53


def place_of(folder: Path, served: Served) -> Path:
    """Return the folder of a bundle that the pointer file in `folder` names."""
    return folder / served.bundle


def read_live(folder: Path) -> Live | None:
    """Read the pointer file of a folder; None if nothing is live yet.

    Raises:
        RunError: it can't be read, or isn't a pointer file.
    """
    file = folder / POINTER
    try:
        content = json.loads(file.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise _damaged(file, "it can't be read") from error
    return live_of(file, content)


def write_live(folder: Path, live: Live) -> None:
    """Replace the pointer file in one step.

    Raises:
        WriteError: it can't be written.
    """
    write_file(folder / POINTER, text_of(live))


def text_of(live: Live) -> str:
    """Return what the pointer file holds."""
    return json.dumps({"format": FORMAT, **asdict(live)}, indent=1) + "\n"


def live_of(file: Path, content: Any) -> Live:
    """Return what a pointer file, or the record of one, says.

    Args:
        file: where it was read, for the error.
        content: its JSON.

    Raises:
        RunError: it isn't a pointer file's.
    """
    names = {field.name for field in fields(Live)} | {"format"}
    if isinstance(content, dict):
        content = {"shadow_share": 0.0, **content}  # which older versions didn't write
    if not isinstance(content, dict) or content.get("format") != FORMAT or set(content) != names:
        raise _damaged(file, f"it isn't a pointer file of format {FORMAT}")
    whole = all(type(content[name]) is int and content[name] >= 0 for name in ("version", "time"))
    even = all(_is_share(content[name]) for name in ("share", "shadow_share"))
    if not (whole and even and isinstance(content["salt"], str)):
        raise _damaged(file, "version, time, salt or a share isn't what it should be")
    served = {role: _served(file, role, content[role]) for role in ROLES}
    if served["live"] is None:
        raise _damaged(file, "it names no live bundle")
    kept = {name: content[name] for name in ("version", "time", "salt")}
    shares = {name: float(content[name]) for name in ("share", "shadow_share")}
    return Live(**kept, **shares, **served)  # type: ignore[arg-type]


def _is_share(given: Any) -> bool:
    return isinstance(given, int | float) and not isinstance(given, bool) and 0 <= given <= 1


def _served(file: Path, role: str, given: Any) -> Served | None:
    if given is None:
        return None
    sound = isinstance(given, dict) and set(given) == {"bundle", "sha"}
    if not sound or not all(isinstance(text, str) and text for text in given.values()):
        raise _damaged(file, f"{role} needs a bundle and its sha")
    return Served(**given)


def _damaged(file: Path, what: str) -> RunError:
    return RunError(
        f"the pointer file is damaged: {what}",
        where=str(file),
        todo=f"scripts/promote.py live={file.parent} repair=true writes it again from its history",
    )
