"""Jobs that make lists for all users, begun and gone on with as the command does it."""

from dataclasses import replace
from pathlib import Path

import polars as pl

from seqrec.nightly.folder import held
from seqrec.nightly.job import Job, Settings
from seqrec.nightly.night import finish, prepared, users_of_run


def job_of(out: Path, *, run=None, bundle=None, users=None, k=5, part=16, unit=16, **asked) -> Job:
    settings = Settings(k=k, asked=0, **asked)
    return Job(
        out=out,
        model=run or bundle,
        is_bundle=bundle is not None,
        users=users or users_of_run(run, settings),
        settings=settings,
        part=part,
        unit=unit,
    )


def lists_of(job: Job, engine="local", workers=1, address=None, at=0) -> pl.DataFrame:
    """All lists of a job, in the order of its parts."""
    with held(job.out):
        night = prepared(job, at=at)
        finish(night, list(night.parts(engine, workers, address)))
    return pl.read_parquet(sorted(job.out.glob("part-*.parquet")))


def elsewhere(job: Job, out: Path, **changes) -> Job:
    return replace(job, out=out, **changes)
