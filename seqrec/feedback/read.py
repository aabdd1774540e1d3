"""Read a log into tables, whatever state its files are in.

What can't be read as a line, or lacks what its kind needs, is skipped and counted. The first of two
lines with the same id counts.
"""

import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from seqrec.errors import DataError
from seqrec.feedback.records import OF_OUTCOME, OF_SHADOW, OF_SLATE, SCHEMA

LATEST = 253_402_300_799_999  # the end of the year 9999
ADDED = ("ms", "shown_ms", "failed")  # columns that parts of older versions lack
TRIES = 20  # compaction may replace files while they are read
NEEDED = {
    "slate": ("request_id", "bundle", "policy", "items", "scores", "propensities"),
    "outcome": ("event_id", "item", "event", "value"),
    "shadow": ("request_id", "bundle", "items", "scores", "ms", "shown_ms"),
    "forget": (),
}


@dataclass(frozen=True)
class Feedback:
    """A log, read.

    Args:
        slates: one row a slate, in the order of time; ``history``, ``candidates``, ``items``,
            ``scores`` and ``propensities`` are lists, and ``policy`` is JSON.
        outcomes: one row an outcome, in the order of time.
        counts: what was left out, and why: ``torn`` lines that were cut off or can't be read,
            ``malformed`` ones that lack something, ``doubled_slates``, ``doubled_outcomes``, and
            ``forgotten`` ones.
        shadows: one row for each list of a shadow, in the order of time.
    """

    slates: pl.DataFrame
    outcomes: pl.DataFrame
    counts: dict[str, int]
    shadows: pl.DataFrame = field(
        default_factory=lambda: pl.DataFrame(schema={name: SCHEMA[name] for name in OF_SHADOW})
    )


def read_log(folder: str | Path, *, since: int | None = None, until: int | None = None) -> Feedback:
    """Read a log while it may be written to.

    Args:
        folder: of the log.
        since: first time to read, in milliseconds; None: from the begin.
        until: time before which to read; None: to the end.

    Raises:
        DataError: there is no log, or a file of it can't be opened.
    """
    lines, torn = read_lines(Path(folder))
    sound, malformed = whole(lines)
    kept = without_forgotten(sound, forgets(sound))
    counts = {"torn": torn, "malformed": malformed, "forgotten": len(sound) - len(kept)}
    kept = kept.filter(
        pl.lit(since is None) | (pl.col("time") >= (since or 0)),
        pl.lit(until is None) | (pl.col("time") < (until or 0)),
    ).sort("time", maintain_order=True)
    slates = kept.filter(kind="slate").select(OF_SLATE)
    outcomes = kept.filter(kind="outcome").select(OF_OUTCOME)
    once = slates.unique("request_id", keep="first", maintain_order=True)
    each = outcomes.unique("event_id", keep="first", maintain_order=True)
    counts["doubled_slates"] = len(slates) - len(once)
    counts["doubled_outcomes"] = len(outcomes) - len(each)
    beside = kept.filter(kind="shadow").select(OF_SHADOW)
    return Feedback(
        once,
        each,
        counts,
        beside.unique(["request_id", "bundle"], keep="first", maintain_order=True),
    )


def read_lines(folder: Path) -> tuple[pl.DataFrame, int]:
    """Return all lines of a log as one table of :data:`SCHEMA`, and how many can't be read.

    Raises:
        DataError: there is no log, or a file of it can't be opened.
    """
    check_log(folder)
    for _ in range(TRIES):
        try:
            return _read_once(folder)
        except FileNotFoundError:  # compaction put it into a part
            continue
        except OSError as error:
            raise DataError(f"it can't be read: {error.strerror}", where=str(error.filename)) from (
                error
            )
    raise DataError("its files change faster than they can be read", where=str(folder))


def check_log(folder: Path) -> None:
    """Refuse a folder that isn't there.

    Raises:
        DataError: it isn't.
    """
    if not folder.is_dir():
        raise DataError(
            "there is no log",
            where=str(folder),
            todo="name the folder that the server logs to, as log=DIR",
        )


def _read_once(folder: Path) -> tuple[pl.DataFrame, int]:
    segments = sorted(folder.glob("*.jsonl"))
    tables, torn, taken = [], 0, set[str]()
    for part in sorted(folder.glob("*.parquet")):
        table, cut, names = read_part(part)
        tables.append(table)
        torn += cut
        taken |= names
    for segment in segments:
        if segment.name not in taken:
            table, cut = parse(segment.read_bytes())
            tables.append(table)
            torn += cut
    return pl.concat([pl.DataFrame(schema=SCHEMA), *tables]), torn


def read_part(
    part: Path, columns: Sequence[str] = tuple(SCHEMA)
) -> tuple[pl.DataFrame, int, set[str]]:
    """Return the lines of an hour, how many couldn't be read, and the segments that it is made of.

    Args:
        part: the file.
        columns: those to read.

    Raises:
        FileNotFoundError: it is gone.
        DataError: it is damaged.
    """
    content = part.read_bytes()
    try:
        said = pl.read_parquet_metadata(io.BytesIO(content))
        has = pl.read_parquet_schema(io.BytesIO(content))
        there = [name for name in columns if name in has or name not in ADDED]
        table = pl.read_parquet(io.BytesIO(content), columns=there)
        table = table.match_to_schema(
            {name: SCHEMA[name] for name in columns},
            missing_columns={name: "insert" for name in ADDED if name in columns},
        )
        return table, int(said["torn"]), set(map(str, json.loads(said["segments"])))
    except (pl.exceptions.PolarsError, ValueError, KeyError, TypeError, OSError) as error:
        raise DataError(
            f"this part of a log is damaged: {error}",
            where=str(part),
            todo="bring it back from a backup, or move it away to do without its hour",
        ) from error


def parse(content: bytes) -> tuple[pl.DataFrame, int]:
    """Return the lines of a segment as a table, and how many can't be read.

    A last line without its end was being written when the writer was killed.
    """
    body, _, rest = content.rpartition(b"\n")
    lines = [line for line in body.split(b"\n") if line.strip()]
    tables = list(_tables(lines))
    table = pl.concat([pl.DataFrame(schema=SCHEMA), *tables])
    return table, len(lines) - len(table) + bool(rest)


def _tables(lines: list[bytes]) -> Iterable[pl.DataFrame]:
    """Yield tables of what can be read: halves of what can't are tried, down to single lines."""
    if not lines:
        return
    try:
        table = pl.read_ndjson(io.BytesIO(b"\n".join(lines)), schema=SCHEMA)
    except (pl.exceptions.PolarsError, UnicodeDecodeError):
        table = None
    if table is not None and len(table) == len(lines):
        yield table
    elif len(lines) > 1:
        half = len(lines) // 2
        yield from _tables(lines[:half])
        yield from _tables(lines[half:])


def whole(lines: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """Return the lines that have what their kind needs, and how many haven't."""
    has = [
        pl.all_horizontal(pl.col("kind") == kind, *(pl.col(name).is_not_null() for name in names))
        for kind, names in NEEDED.items()
    ]
    shown = pl.col("items").list.len()
    even = [pl.col(name).list.len() == shown for name in ("scores", "propensities")]
    pool = pl.col("candidates").list.len() == pl.col("candidate_scores").list.len()
    sound = lines.filter(
        pl.any_horizontal(has).fill_null(False),
        pl.col("time").is_between(0, LATEST),
        pl.col("session").is_not_null(),
        pl.all_horizontal(*even, pool.fill_null(True)) | (pl.col("kind") != "slate"),
    )
    return sound, len(lines) - len(sound)


def forgets(lines: pl.DataFrame) -> pl.DataFrame:
    """Return each session to forget and the last time at which that was asked."""
    asked = lines.filter(kind="forget").group_by("session")
    return asked.agg(pl.col("time").max().alias("forgotten"))


def without_forgotten(lines: pl.DataFrame, forgets: pl.DataFrame) -> pl.DataFrame:
    """Leave out what sessions did until they were forgotten; the orders stay."""
    return (
        lines.join(forgets, on="session", how="left", maintain_order="left")
        .filter(
            (pl.col("kind") == "forget")
            | pl.col("forgotten").is_null()
            | (pl.col("time") > pl.col("forgotten"))
        )
        .drop("forgotten")
    )
