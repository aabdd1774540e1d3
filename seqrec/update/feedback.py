"""The events of a feedback log that an update may learn from."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from seqrec.clock import iso_time
from seqrec.disk.write import replacing, telling
from seqrec.errors import DataError
from seqrec.feedback.read import Feedback, forgets, read_lines, read_log, whole
from seqrec.raw.ids import tidied
from seqrec.update.source import EVENTS, read_table

KEPT = {"event_id": pl.String, **EVENTS}
VERDICTS = "review/quarantine.json"  # of persons, in the folder of a log


@dataclass(frozen=True)
class Quarantine:
    """Feedback that a person has ruled out, and no update may learn from.

    Args:
        events: ids of outcomes.
        sessions: hashes of sessions, as the log has them.
    """

    events: frozenset[str] = frozenset()
    sessions: frozenset[str] = frozenset()

    @classmethod
    def of(cls, log: Path | None, path: Path | None = None) -> "Quarantine":
        """Read what is ruled out of a log: a JSON file with the lists ``events`` and ``sessions``.

        Args:
            log: the folder of the log; verdicts on it lie there. None: there is no log.
            path: another file than these verdicts.

        Raises:
            DataError: the file can't be read.
        """
        if path is None and log is not None and (log / VERDICTS).exists():
            path = log / VERDICTS
        if path is None:
            return cls()
        try:
            content = json.loads(path.read_bytes())
            lists = {name: content.get(name, []) for name in ("events", "sessions")}
            if not all(isinstance(each, str) for ids in lists.values() for each in ids):
                raise ValueError("it holds more than ids")
        except (OSError, ValueError, AttributeError, TypeError, RecursionError) as error:
            raise DataError(
                f"the quarantine can't be read: {error}",
                where=str(path),
                todo='name a JSON file such as {"events": ["id"], "sessions": ["hash"]}',
            ) from error
        return cls(**{name: frozenset(ids) for name, ids in lists.items()})

    def without(self, events: pl.DataFrame) -> pl.DataFrame:
        """Return the events that aren't ruled out."""
        return events.filter(
            ~pl.col("event_id").is_in(list(self.events)),
            ~pl.col("user").is_in(list(self.sessions)),
        )


@dataclass(frozen=True)
class Collected:
    """Events of a log, with those that earlier updates took from it.

    Args:
        events: event_id, user (the hash of a session), item and timestamp, in the order of time.
        counts: what was left out, and why.
        gone: sessions of which an earlier update had an event that is left out now.
    """

    events: pl.DataFrame
    counts: dict[str, int] = field(default_factory=dict)
    gone: list[str] = field(default_factory=list)


def collect(
    log: Path,
    *,
    kinds: Iterable[str],
    since: int,
    items: pl.Series,
    quarantine: Quarantine,
    earlier: Path | None = None,
) -> Collected:
    """Make events of a log's outcomes: a session, an item and a time.

    An outcome counts once, however often it was sent, and however long after its slate. Left out
    are those of other kinds, of sessions to forget, in quarantine, ``orphans`` (their slate isn't
    in the log or doesn't show the item), ``foreign`` ones (their slate is of a bundle that showed
    items which the run doesn't have) and ``too_old`` ones (no later than the last event that the
    run had). Outcomes without a slate, which a shop sent of its own, count.

    Args:
        log: its folder.
        kinds: outcomes that count, such as ``click``.
        since: first time of a new event, in milliseconds.
        items: the catalogue of the run.
        quarantine: what is ruled out.
        earlier: the events that the run has from a log.

    Raises:
        DataError: the log can't be read, is of another run's bundle, or has nothing new.
    """
    feedback = read_log(log)
    forgotten = forgets(whole(read_lines(log)[0])[0])
    before = read_table(earlier, KEPT) if earlier else pl.DataFrame(schema=KEPT)
    kept = _without_forgotten(quarantine.without(before), forgotten)
    gone = before.join(kept, on="event_id", how="anti")["user"].unique(maintain_order=True)
    counted = dict(feedback.counts)
    found = feedback.outcomes.select(
        *("event_id", "request_id", "event"), user="session", item="item", timestamp="time"
    ).with_columns(pl.col("item").map_batches(tidied, return_dtype=pl.String))
    for reason, keep in _rules(feedback, kinds, since, items):
        rest = found.filter(keep)
        counted[reason], found = len(found) - len(rest), rest
    rest = quarantine.without(found)
    counted["quarantined"] = len(found) - len(rest)
    if counted["foreign"] and not len(rest):
        raise DataError(
            "the log is of another bundle: it shows items that the run doesn't have",
            where=str(log),
            todo="name the run that was exported and served, or its log",
        )
    if rest.is_empty():
        left = ", ".join(f"{n:,} {reason}" for reason, n in counted.items() if n) or "nothing"
        raise DataError(
            f"there is nothing new: the log has no {' or '.join(kinds)} after "
            f"{iso_time(since - 1)}, the last event that the run had; left out: {left}",
            where=str(log),
            todo="wait for feedback, or name the outcomes that count with events='[click]'",
        )
    events = pl.concat([kept, rest.select(*KEPT)]).sort("timestamp", maintain_order=True)
    return Collected(events, counted, gone.to_list())


def write_events(path: Path, events: pl.DataFrame) -> None:
    """Write the events of an update.

    Raises:
        WriteError: the file can't be written.
    """
    with telling(path), replacing(path) as part:
        events.write_parquet(part)


def _rules(
    feedback: Feedback, kinds: Iterable[str], since: int, items: pl.Series
) -> Iterable[tuple[str, pl.Expr]]:
    """Yield a reason to leave outcomes out, and which of them it doesn't hold for."""
    shown = feedback.slates.select("request_id", "bundle", item="items").explode(
        "item", empty_as_null=True
    )
    unknown = shown.filter(pl.col("item").is_not_null(), ~pl.col("item").is_in(items.implode()))
    foreign = shown.filter(pl.col("bundle").is_in(unknown["bundle"].unique().implode()))
    pair = pl.struct("request_id", "item")
    pairs = shown.select(pair).to_series().unique()
    free = pl.col("request_id").is_null()
    yield "other", pl.col("event").is_in(list(kinds))
    yield "too_old", pl.col("timestamp") >= since
    yield "orphans", free | pair.is_in(pairs.implode())
    yield "foreign", free | ~pl.col("request_id").is_in(foreign["request_id"].unique().implode())


def _without_forgotten(events: pl.DataFrame, forgotten: pl.DataFrame) -> pl.DataFrame:
    """Leave out what sessions did until they were forgotten."""
    asked: Any = forgotten.rename({"session": "user"})
    return (
        events.join(asked, on="user", how="left", maintain_order="left")
        .filter(pl.col("forgotten").is_null() | (pl.col("timestamp") > pl.col("forgotten")))
        .select(*KEPT)
    )
