"""The data of an updated run: that of the run before, newer events, and ids that keep numbers."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import polars as pl
from polars.exceptions import PanicException

from seqrec.disk.write import replacing, telling
from seqrec.errors import DataError
from seqrec.raw.source import Interactions, Known, Source

IDS, TEXT, TIME = pl.List(pl.String), pl.String, pl.Int64
SCHEMA: dict[str, Any] = {"since": TIME, "items": IDS, "users": IDS}
EVENTS: dict[str, Any] = {"user": TEXT, "item": TEXT, "timestamp": TIME}  # of a feedback log


@dataclass(frozen=True, kw_only=True)
class Grown:
    """A source whose items keep the numbers that they had; new ones are appended.

    Args:
        base: what the run before read, with newer files or the same.
        known_path: the ids of the run before; :func:`write_known` wrote it.
        events_path: events of a feedback log, a Parquet file with the columns of `EVENTS`; None:
            there are none.
    """

    meaning: ClassVar[dict[str, str]] = {
        "known_path": "file",
        "events_path": "file",
        "base.path": "file",
        "base.valid_path": "file",
        "base.test_path": "file",
        "base.items_path": "file",
        "base.users_path": "file",
        "base.raw_dir": "place",
        "base.fetch_dir": "place",
    }

    base: Source
    known_path: str
    events_path: str | None = None

    @property
    def name(self) -> str:
        """The name of the base: it is the same data, later."""
        return self.base.name

    def files(self) -> list[Path]:
        """Return the files of the base, the ids, and the events of the log."""
        own = [self.known_path, *([self.events_path] if self.events_path else [])]
        for file in own:
            if not Path(file).is_file():
                raise DataError(
                    "a file that the update wrote is missing",
                    where=file,
                    todo="name its new place: where='[data.known_path=FOLDER/known.parquet, ...]'",
                )
        return [*self.base.files(), *map(Path, own)]

    def read(self) -> Interactions:
        """Parse the files of the base, and join the events of the log."""
        interactions = replace(self.base.read(), known=read_known(Path(self.known_path)))
        if self.events_path is None:
            return interactions
        more = read_table(Path(self.events_path), EVENTS)
        before = interactions.events.with_columns(pl.col("user", "item").cast(pl.String))
        events = pl.concat([before, more.lazy()], how="diagonal_relaxed")
        return replace(interactions, events=events)


def write_known(path: Path, known: Known) -> None:
    """Write ids and the time from which events are new.

    Raises:
        WriteError: the file can't be written.
    """
    row = {
        "since": [known.since],
        "items": [known.items.to_list()],
        "users": [known.users.to_list()],
    }
    with telling(path), replacing(path) as part:
        pl.DataFrame(row, schema=SCHEMA).write_parquet(part)


def read_known(path: Path) -> Known:
    """Read what :func:`write_known` wrote.

    Raises:
        DataError: it is damaged.
    """
    table = _read(path)
    if dict(table.schema) != SCHEMA or len(table) != 1 or table["since"].null_count():
        raise _damaged(path, "it isn't what an update wrote")
    [items], [users] = table["items"], table["users"]
    if items.null_count() or items.n_unique() < len(items):
        raise _damaged(path, "its items aren't ids, each once")
    return Known(items=items, users=users, since=int(table["since"][0]))


def read_table(path: Path, columns: Mapping[str, Any]) -> pl.DataFrame:
    """Read a Parquet file that has columns of these types, and return these.

    Raises:
        DataError: the file is damaged.
    """
    table = _read(path)
    if any(table.schema.get(name) != kind for name, kind in columns.items()):
        raise _damaged(path, f"it lacks one of {', '.join(columns)}")
    return table.select(*columns)


def _read(path: Path) -> pl.DataFrame:
    try:
        return pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError, PanicException) as error:
        raise _damaged(path, str(error).strip().partition("\n")[0]) from error


def _damaged(path: Path, reason: str) -> DataError:
    return DataError(
        f"{path.name} can't be read: {reason}",
        where=str(path),
        todo="copy the run's folder again, or make the update again",
    )
