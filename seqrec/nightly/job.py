"""One job: lists for all users, in parts that any process can make, given the paths alone."""

import hashlib
import json
import os
import secrets
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from polars.exceptions import PanicException, PolarsError

from seqrec import __version__
from seqrec.config.choose import Nodes
from seqrec.disk.manifest import check
from seqrec.disk.write import replacing, telling
from seqrec.errors import RunError
from seqrec.nightly.histories import Block, Filed, Histories, Stored
from seqrec.nightly.models import Lister, OfBundle, OfRun

UNIT = 256  # users whose lists are made together
ABOUT = "seqrec"  # entry of a part's metadata
SCHEMA = {"user": pl.String, "rank": pl.Int32, "item": pl.String, "score": pl.Float32}


@dataclass(frozen=True)
class Settings:
    """What lists are asked for.

    Args:
        k: length of the lists.
        asked: time of the recommendation, in milliseconds since 1970 UTC.
        mask_seen: leave out items of the history; None: as the run does.
        allow: original ids of the only items to list; None: all that training saw.
        deny: original ids of items not to list.
        generator: settings of what makes the lists of a run; none: the best items, best first.
        trust, searchpath: what a run's configuration may name; see :mod:`seqrec.config.trust`.
    """

    k: int
    asked: int
    mask_seen: bool | None = None
    allow: list[str] | None = None
    deny: list[str] = field(default_factory=list)
    generator: Nodes = field(default_factory=dict)
    trust: bool = False
    searchpath: list[str] | None = None


@dataclass(frozen=True)
class Job:
    """A job, as any process of any machine gets it; its paths have to be there.

    Users are worked on in units of 256, counted from the first one. A unit's lists depend on
    nothing else, so parts, processes and engines don't change a bit of them.

    Args:
        out: the folder of the parts.
        model: the folder of a run or a bundle.
        is_bundle: which of the two it is.
        users: the folder of prepared data, or a Parquet file of histories.
        settings: what is asked for.
        part: users of a part, a multiple of `unit`.
        sha: hash of all that the lists depend on; parts carry it.
        unit: users of a unit.
    """

    out: Path
    model: Path
    is_bundle: bool
    users: Path
    settings: Settings
    part: int
    sha: str = ""
    unit: int = UNIT

    def facts(self, model: str, data: str, users: int) -> dict[str, Any]:
        """Return what the lists depend on, fit for JSON.

        Args:
            model: hash of the run or the bundle.
            data: hash of the histories.
            users: how many there are.
        """
        asked = asdict(self.settings)
        del asked["trust"], asked["searchpath"]
        sizes = {"users": users, "part": self.part, "unit": self.unit}
        return {"model": model, "data": data, **sizes, **asked, "seqrec": __version__}


@dataclass(frozen=True)
class Part:
    """A finished part.

    Args:
        number: from 0.
        users: how many have a list.
        rows: of the table.
        without: original ids of up to five users without a list, as no item of theirs is known.
        n_without: how many there are.
    """

    number: int
    users: int
    rows: int
    without: list[str]
    n_without: int


def sha_of(facts: dict[str, Any]) -> str:
    """Return the hash of values that are fit for JSON."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def file_of(out: Path, number: int) -> Path:
    """Return the file of a part."""
    return out / f"part-{number:05}.parquet"


@lru_cache(maxsize=1)  # a process opens a job's model once
def opened(model: Path, is_bundle: bool, users: Path, key: str) -> tuple[Lister, Histories]:
    """Open the model and the histories of a job; `key` is its settings as text."""
    settings = Settings(**json.loads(key))
    lister: Lister = (OfBundle if is_bundle else OfRun)(model, settings)
    if users.suffix == ".parquet":
        return lister, Filed(users, lister.ids, lister.categories)
    return lister, Stored(users, tuple(lister.categories))


def open_job(job: Job) -> tuple[Lister, Histories]:
    """Return the model and the histories of a job, opened once in each process."""
    key = json.dumps(asdict(job.settings))
    return opened(job.model, job.is_bundle, job.users, key)


def forget() -> None:
    """Open model and histories again when they are next needed: they may have changed."""
    opened.cache_clear()


def make_part(job: Job, number: int) -> Part:
    """Make a part and write it whole.

    Raises:
        SeqrecError: the model or the histories can't be read, or the part can't be written.
    """
    lister, histories = open_job(job)
    if sha_of(job.facts(lister.sha, histories.sha, len(histories))) != job.sha:
        raise RunError(
            "the model or the histories aren't those that the job began with",
            where=f"{job.model}, {job.users}",
            todo="keep them as they are, at the same paths on all machines, until all parts are "
            "made; or name another folder with out=",
        )
    first, last = number * job.part, min((number + 1) * job.part, len(histories))
    tables: list[pl.DataFrame] = []
    without: list[str] = []
    n_without = users = 0
    for begin in range(first, last, job.unit):
        block = histories.block(begin, min(begin + job.unit, last))
        known_U = block.lengths > 0
        if not known_U.all():
            lost = block.user.filter(pl.Series(~known_U))
            without, n_without = (without + lost.to_list())[:5], n_without + len(lost)
            block = only(block, np.flatnonzero(known_U))
        if len(block.user):
            tables.append(table_of(block, *lister.lists(block), lister.ids))
            users += len(block.user)
    table = pl.concat(tables) if tables else pl.DataFrame(schema=SCHEMA)
    part = Part(number, users, len(table), without, n_without)
    _write(job, part, table)
    return part


def only(block: Block, row_R: Any) -> Block:
    """Return a block without the users that have no events; `row_R` are the others."""
    begin_U1 = np.concatenate([block.begin_U1[row_R], block.begin_U1[-1:]])
    return Block(block.user[row_R], block.number_U[row_R], begin_U1, block.item_E, block.event)


def table_of(block: Block, item_UK: Any, score_UK: Any, ids: pl.Series) -> pl.DataFrame:
    """Return lists as a table of user, rank, item and score."""
    row_N, place_N = (item_UK > 0).nonzero()
    return pl.DataFrame(
        {
            "user": block.user[row_N],
            "rank": (place_N + 1).astype(np.int32),
            "item": ids[item_UK[row_N, place_N] - 1],
            "score": score_UK[row_N, place_N],
        },
        schema=SCHEMA,
    )


def read_part(job: Job, number: int) -> Part | None:
    """Return a finished part; None if it isn't there, isn't of this job or has changed."""
    try:
        check(file_of(job.out, number))
        about = json.loads(pl.read_parquet_metadata(file_of(job.out, number))[ABOUT])
        part = Part(**about["part"])
    except (OSError, PolarsError, PanicException, LookupError, TypeError, ValueError):
        return None
    return part if (about.get("job"), part.number) == (job.sha, number) else None


def _write(job: Job, part: Part, table: pl.DataFrame) -> None:
    """Write a part: two processes that make the same one don't touch each other's file."""
    file = file_of(job.out, part.number)
    own = file.with_name(f".{file.name}.{os.getpid()}-{secrets.token_hex(4)}")
    about = json.dumps({"job": job.sha, "part": asdict(part)})
    with telling(file), replacing(own) as partial:
        table.write_parquet(partial, metadata={ABOUT: about})
    with telling(file):
        own.replace(file)
