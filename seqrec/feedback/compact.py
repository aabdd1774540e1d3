"""Hours that are over become Parquet, and what is forgotten leaves the files."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import groupby
from pathlib import Path

import polars as pl
from filelock import FileLock, Timeout

from seqrec.disk.write import replacing, telling
from seqrec.feedback.read import check_log, forgets, parse, read_part, without_forgotten
from seqrec.feedback.records import SCHEMA, now
from seqrec.feedback.write import hour_of

WHO = ("kind", "time", "session")  # what tells if a line is to be forgotten


def compact(folder: str | Path, *, wait: bool = True) -> dict[str, int]:
    """Turn the segments of hours that are over into one Parquet part an hour.

    It may run beside writers, readers and itself. A segment whose writer lives is left for later. A
    part names the segments that it is made of and takes its place in one step, so readers see each
    line once, even if this is killed in between.

    Args:
        folder: of the log.
        wait: wait while another process does it; without, leave it to that one.

    Returns:
        How many ``segments`` went into ``parts``, and how many lines were ``forgotten``.

    Raises:
        DataError: there is no log, or a part of it is damaged.
        WriteError: a part can't be written; nothing is lost.
    """
    folder = Path(folder)
    check_log(folder)
    done = {"segments": 0, "parts": 0, "forgotten": 0}
    with telling(folder), ExitStack() as held:
        try:
            held.enter_context(FileLock(folder / ".compact.lock", timeout=-1 if wait else 0))
        except Timeout:
            return done
        for left in folder.glob("*.parquet.part"):  # by who was killed
            left.unlink()
        over = sorted(file for file in folder.glob("*.jsonl") if file.name[:13] < hour_of(now()))
        free = [file for file in over if held.enter_context(_unwritten(file))]
        gone = _orders(folder)
        by_hour = {hour: list(files) for hour, files in groupby(free, lambda f: f.name[:13])}
        hours = by_hour.keys() | {part.stem for part in folder.glob("*.parquet")}
        for hour in sorted(hours):
            segments = by_hour.get(hour, [])
            lost = _compact_hour(folder / f"{hour}.parquet", segments, gone)
            if lost is not None:
                done["parts"] += 1
                done["segments"] += len(segments)
                done["forgotten"] += lost
    return done


def _orders(folder: Path) -> pl.DataFrame:
    """Return which sessions are to be forgotten, of all files."""
    parts = [read_part(part, WHO)[0] for part in folder.glob("*.parquet")]
    segments = [parse(file.read_bytes())[0].select(WHO) for file in folder.glob("*.jsonl")]
    return forgets(pl.concat([pl.DataFrame(schema={n: SCHEMA[n] for n in WHO}), *parts, *segments]))


def _compact_hour(part: Path, segments: list[Path], gone: pl.DataFrame) -> int | None:
    """Write a part anew if that changes it; return how many lines it forgot, or None."""
    table, torn, taken = pl.DataFrame(schema=SCHEMA), 0, set[str]()
    if part.exists():
        who = read_part(part, WHO)[0]
        if not segments and len(without_forgotten(who, gone)) == len(who):
            return None
        table, torn, taken = read_part(part)
    fresh = [segment for segment in segments if segment.name not in taken]
    parsed = [parse(segment.read_bytes()) for segment in fresh]
    every = pl.concat([table, *(each for each, _ in parsed)])
    kept = without_forgotten(every, gone)
    changed = bool(fresh) or len(kept) < len(table)
    if changed:
        said = {
            "segments": json.dumps(sorted(taken | {segment.name for segment in fresh})),
            "torn": str(torn + sum(cut for _, cut in parsed)),
        }
        with replacing(part) as beside:
            kept.write_parquet(beside, metadata=said)
            beside.chmod(0o640)
    for segment in segments:
        segment.unlink()
    return len(every) - len(kept) if changed else None


@contextmanager
def _unwritten(segment: Path) -> Iterator[bool]:
    """Hold a segment that no writer holds any more; False if one does."""
    try:
        handle = os.open(segment, os.O_RDONLY)
    except FileNotFoundError:
        yield False
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield True
    except BlockingIOError:
        yield False
    finally:
        os.close(handle)
