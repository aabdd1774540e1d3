"""A review: what a person sees, and what a person says of it."""

from dataclasses import dataclass
from pathlib import Path
from time import time_ns

import polars as pl

from seqrec.disk.chain import Entry, read_chain
from seqrec.errors import ConfigError, DataError
from seqrec.feedback import Feedback, read_log
from seqrec.review.queue import Odd, Rules, queue
from seqrec.review.verdicts import Files, record


@dataclass(frozen=True)
class Said:
    """What a person says.

    Args:
        verdict: ``ok``, ``deny``, ``allow``, ``quarantine`` or ``release``.
        reviewer: who says it.
        reason: why.
        request_id: the list that it is about; None: none.
        item: for ``deny`` and ``allow``.
        session: hash of a session, for ``quarantine`` and ``release``; by default the list's.
        event: id of an outcome, for the same.
    """

    verdict: str
    reviewer: str
    reason: str
    request_id: str | None = None
    item: str | None = None
    session: str | None = None
    event: str | None = None


def read(log: Path) -> Feedback:
    """Read a log that has lists.

    Raises:
        DataError: there is none, or it is empty.
    """
    feedback = read_log(log)
    if not len(feedback.slates):
        raise DataError(
            "the log has no list that was shown",
            where=str(log),
            todo="name the folder that the server logs to, as log=DIR",
        )
    return feedback


def waiting(files: Files, bundle: Path | None, rules: Rules) -> list[Odd]:
    """Return the odd lists on which there is no verdict yet.

    Raises:
        DataError: the log is empty, or the chain is broken.
        RunError: the bundle can't be opened.
    """
    catalogue = None
    if bundle is not None:
        from seqrec.bundle import Bundle

        catalogue = Bundle.open(bundle).catalogue
    judged = read_chain(files.chain)
    lists = {entry.get("list") for entry in judged}
    items = {entry.get("item") for entry in judged if entry["verdict"] == "deny"}
    return [
        odd
        for odd in queue(read(files.log), catalogue, rules)
        if odd.request_id not in lists and (odd.item is None or odd.item not in items)
    ]


def slate_of(feedback: Feedback, request_id: str) -> pl.DataFrame:
    """Return a list as a table of one row.

    Raises:
        DataError: the log doesn't have it.
    """
    found = feedback.slates.filter(request_id=request_id)
    if not len(found):
        some = ", ".join(feedback.slates["request_id"].tail(3).to_list())
        raise DataError(
            f"the log has no list {request_id!r}", where="list", todo=f"name one, such as {some}"
        )
    return found


def say(files: Files, said: Said) -> Entry:
    """Record a verdict, after checking that it is about something that the log has.

    Raises:
        ConfigError: something is missing, or doesn't belong to the verdict.
        DataError: the log doesn't have the list, item, session or event; or the chain is broken.
        WriteError: something can't be written.
    """
    _check(said)
    feedback = read(files.log)
    slate = None if said.request_id is None else slate_of(feedback, said.request_id)
    session = said.session
    if said.verdict in ("quarantine", "release"):
        if slate is not None and said.event is None and session is None:
            session = str(slate["session"][0])
        _check_there(feedback, "session", session)
        if said.event is not None and said.event not in feedback.outcomes["event_id"]:
            raise DataError(f"the log has no event {said.event!r}", where="event")
    if said.item is not None:
        _check_item(feedback, said.item, slate)
    given = {"list": said.request_id, "item": said.item, "session": session, "event": said.event}
    content = {
        "time": time_ns() // 1_000_000,
        "verdict": said.verdict,
        "reviewer": said.reviewer,
        "reason": said.reason,
        **{name: value for name, value in given.items() if value is not None},
    }
    return record(files, content)


def _check(said: Said) -> None:
    for name in ("reviewer", "reason"):
        if not getattr(said, name).strip():
            raise ConfigError(
                f"a verdict needs a {name}", where=name, todo=f"add {name}=..., which is kept"
            )
    about_item = said.verdict in ("deny", "allow")
    if about_item != (said.item is not None):
        what = "is about an item" if about_item else "isn't about an item"
        todo = "add item=ID" if about_item else "leave item= out, or say verdict=deny"
        raise ConfigError(f"verdict={said.verdict} {what}", where="item", todo=todo)
    about_session = said.verdict in ("quarantine", "release")
    if not about_session and (said.session or said.event):
        raise ConfigError(
            f"verdict={said.verdict} isn't about a session or an event",
            where="verdict",
            todo="say verdict=quarantine, or leave session= and event= out",
        )
    if about_session and not (said.session or said.event or said.request_id):
        raise ConfigError(
            f"verdict={said.verdict} is about a session or an event",
            where="session",
            todo="add list=ID (its session), session=HASH or event=ID",
        )
    if said.verdict == "ok" and said.request_id is None:
        raise ConfigError("verdict=ok is about a list", where="list", todo="add list=ID")


def _check_there(feedback: Feedback, column: str, value: str | None) -> None:
    tables = (feedback.slates, feedback.outcomes)
    if value is not None and not any(value in table[column] for table in tables):
        raise DataError(
            f"the log has no {column} {value!r}",
            where=column,
            todo="give its hash, as review.py shows it for a list",
        )


def _check_item(feedback: Feedback, item: str, slate: pl.DataFrame | None) -> None:
    shown = feedback.slates["items"] if slate is None else slate["items"]
    if not shown.list.contains(item).any():
        where = "the log never showed" if slate is None else "the list doesn't show"
        some = ", ".join(shown[-1].head(3).to_list())
        raise DataError(
            f"{where} an item {item!r}", where="item", todo=f"give an id such as {some}"
        )
