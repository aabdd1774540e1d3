"""A night's work: a job made of arguments, begun or gone on with, and finished."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from seqrec.disk.manifest import unseal
from seqrec.errors import ConfigError, DataError
from seqrec.nightly.engines import ENGINES
from seqrec.nightly.folder import begin, begun, complete
from seqrec.nightly.job import (
    Job,
    Part,
    Settings,
    file_of,
    forget,
    open_job,
    read_part,
    sha_of,
)


@dataclass(frozen=True)
class Night:
    """A job and what is known of its parts.

    Args:
        job: the job.
        users: number of users.
        kept: the finished parts that were there.
        missing: numbers of the others.
    """

    job: Job
    users: int
    kept: list[Part]
    missing: list[int]

    def parts(self, engine: str, workers: int, address: str | None) -> Iterator[Part]:
        """Make what is missing, and yield each part when it is written.

        Raises:
            SeqrecError: a part can't be made or written; the others stay.
        """
        if self.missing:
            unseal(self.job.out)  # the parts that it covers aren't all there
            yield from ENGINES[engine](self.job, self.missing, workers, address)


def users_of_run(run: Path, settings: Settings) -> Path:
    """Return the folder of a run's prepared data, prepared again if it is gone.

    Raises:
        DataError: the data can no longer be read.
        RunError: it isn't a run, or its data has changed.
    """
    from seqrec.config.trust import Trust
    from seqrec.recommend.data import find_data
    from seqrec.run.folder import RunFolder

    trust = Trust.given(trust=settings.trust, searchpath=settings.searchpath)
    folder = RunFolder.open(run, trust)
    return find_data(folder, folder.config()).folder.absolute()


def prepared(job: Job, *, at: int | None) -> Night:
    """Open all that a job needs, and begin it or go on with it; its folder has to be held.

    Args:
        job: without its hash.
        at: the time that was asked for; None: now, or when the job was begun.

    Raises:
        SeqrecError: the model or the histories can't be read, or the folder isn't this job's.
    """
    if job.part < 1 or job.part % job.unit:
        raise ConfigError(
            f"part={job.part}: must be a multiple of {job.unit}",
            where="part",
            todo=f"part={max(1, round(job.part / job.unit)) * job.unit}, for example",
        )
    before = begun(job.out)
    if at is None and before is not None:
        at = before.get("asked")
    asked = time.time_ns() // 1_000_000 if at is None else at
    job = replace(job, settings=replace(job.settings, asked=asked))
    forget()
    lister, histories = open_job(job)
    facts = job.facts(lister.sha, histories.sha, len(histories))
    begin(job.out, facts)
    job = replace(job, sha=sha_of(facts))
    found = {number: read_part(job, number) for number in range(-(-len(histories) // job.part))}
    return Night(
        job,
        len(histories),
        [part for part in found.values() if part is not None],
        [number for number, part in found.items() if part is None],
    )


def finish(night: Night, made: list[Part]) -> list[Part]:
    """Seal the folder, and return all parts in order.

    Raises:
        DataError: no user has a list.
    """
    parts = sorted(night.kept + made, key=lambda part: part.number)
    if not any(part.users for part in parts):
        for part in parts:
            file_of(night.job.out, part.number).unlink(missing_ok=True)
        raise DataError(
            "the model knows no item of any user",
            where=str(night.job.users),
            todo="give histories in the original ids of the data that the model was trained on",
        )
    complete(night.job.out, len(parts))
    return parts
