"""Whether interactions fit into memory, told before they are read."""

import shutil
from pathlib import Path

from seqrec.config.schema import Prepare, Ties
from seqrec.errors import DataError
from seqrec.machine.free import free_memory
from seqrec.raw.size import rows_in, text_in
from seqrec.raw.source import Source
from seqrec.terminal.say import say

GB = 10**9
SHARE = 0.75  # of the free memory, where no limit is set
ROW = 110  # bytes a row of all events, in memory: measured with times
TEXT = 1  # bytes a byte of text, besides
EVENT = 140  # bytes an event of a part, in memory
PARTS = 4  # parts that fit into the memory: the rest is for ids, and for what reads the files
DRAWN = 8  # bytes a row of an order of all rows
ON_DISK = 48  # bytes a row, at most, of parts and store


def events_at_once(source: Source, settings: Prepare, cache: Path) -> int | None:
    """Return how many events a part has, to be prepared on disk; None: all fit into memory.

    The first is told to the user in one sentence.

    Args:
        source: of the events, whose files are there.
        settings: ``memory_gb`` is the limit.
        cache: where the parts will lie.

    Raises:
        DataError: the disk is too small for the parts, or the memory for the order that
            ``ties=shuffle`` draws of all rows.
    """
    files = source.files()
    rows, text = rows_in(files), text_in(files)
    limit = SHARE * free_memory() if settings.memory_gb is None else settings.memory_gb * GB
    needed = rows * ROW + text * TEXT
    if needed <= limit:
        return None
    _check_order(rows, limit, settings)
    part, disk = limit / PARTS, rows * ON_DISK + text
    free = shutil.disk_usage(cache).free
    if free < disk:
        raise DataError(
            f"about {needed / GB:,.1f} GB of memory would be needed, more than the "
            f"{limit / GB:,.1f} GB that may be used, and {disk / GB:,.1f} GB of disk to prepare "
            f"the data in parts, where {free / GB:,.1f} GB are free",
            where=str(cache),
            todo="set paths.cache_dir to a larger disk, or prepare.memory_gb to what may be used",
        )
    say(
        f"about {needed / GB:,.1f} GB would be needed in memory, {limit / GB:,.1f} GB may be used "
        f"(prepare.memory_gb): {source.name} is prepared in parts of {part / GB:,.2f} GB on disk, "
        f"which take about {disk / GB:,.1f} GB below {cache}"
    )
    return max(1, int(part / EVENT))


def _check_order(rows: int, limit: float, settings: Prepare) -> None:
    order = rows * DRAWN
    if settings.ties is Ties.shuffle and order > limit / 2:
        raise DataError(
            f"prepare.ties=shuffle draws one order of all events, which takes about "
            f"{order / GB:,.1f} GB, more than half of the {limit / GB:,.1f} GB that may be used",
            where="prepare.ties",
            todo="set prepare.ties=file, or raise prepare.memory_gb",
        )
