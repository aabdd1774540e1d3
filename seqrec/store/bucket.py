"""Events in files: a part of all, small enough to be read whole."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seqrec.store.steps import Events

CONTEXT = "context_"  # and the place of a context column


@dataclass(frozen=True)
class Bucket:
    """A folder with a file of plain numbers for each column of some events.

    Args:
        folder: where the files are; it is made when something is written.
        types: the columns and their types.
        context: names of the context columns, which are ``context_0``, ``context_1``, ... here.
    """

    folder: Path
    types: dict[str, np.dtype]
    context: tuple[str, ...] = ()

    def append(self, columns: Mapping[str, np.ndarray]) -> None:
        """Write the columns of more events behind those that are there."""
        for name, values in columns.items():
            self.write(name, values, "ab")

    def write(self, name: str, values: np.ndarray, mode: str = "wb") -> None:
        """Write a column in the place of what is there, or in another mode of opening files."""
        self.folder.mkdir(exist_ok=True)
        kind = self.types.setdefault(name, values.dtype)
        with (self.folder / name).open(mode) as file:
            file.write(np.ascontiguousarray(values, kind).data.cast("B"))

    def read(self, name: str) -> np.ndarray:
        """Return a column; without a single event it is empty."""
        path = self.folder / name
        if not path.exists():
            return np.empty(0, self.types.get(name, np.dtype(np.int32)))
        return np.fromfile(path, self.types[name])

    def drop(self, name: str) -> None:
        """Remove a column."""
        (self.folder / name).unlink(missing_ok=True)

    def load(self) -> Events:
        """Return all events."""
        own = {"user", "item", "row", *self.types, *context_columns(len(self.context))}
        return events_of({name: self.read(name) for name in own}, self.context)

    def save(self, events: Events) -> None:
        """Write events in the place of those that are there."""
        self.remove()
        if len(events):
            self.append(columns_of(events))

    def remove(self) -> None:
        """Remove the files."""
        shutil.rmtree(self.folder, ignore_errors=True)


def columns_of(events: Events) -> dict[str, np.ndarray]:
    """Return the columns of events as a bucket names them."""
    own = {name: v for name, v in vars(events).items() if isinstance(v, np.ndarray)}
    names = context_columns(len(events.context))
    return own | dict(zip(names, events.context.values(), strict=True))


def events_of(columns: Mapping[str, np.ndarray], context: Sequence[str]) -> Events:
    """Return the events of columns, with the names of the context columns."""
    places = zip(context, context_columns(len(context)), strict=True)
    return Events(
        user=columns["user"],
        item=columns["item"],
        row=columns["row"],
        timestamp=columns.get("timestamp"),
        rating=columns.get("rating"),
        part=columns.get("part"),
        person=columns.get("person"),
        session=columns.get("session"),
        context={name: columns[column] for name, column in places},
    )


def context_columns(number: int) -> list[str]:
    """Return how a bucket names so many context columns."""
    return [f"{CONTEXT}{at}" for at in range(number)]


def owners(user: np.ndarray, number: int, buckets: int) -> np.ndarray:
    """Return the codes of users, int32, from their numbers in a bucket: code // buckets."""
    return (user.astype(np.int64) * buckets + number).astype(np.int32)
