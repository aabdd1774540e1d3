"""Data that has nothing new says why."""

import polars as pl
import pytest
from helpers.experiments import root, store_of
from helpers.growing import SETTINGS, SINCE, write_growing

from seqrec.errors import DataError
from seqrec.raw.source import Known
from seqrec.update.check import check_goes_on
from seqrec.update.source import write_known


def nothing_new(folder, *more):
    """The error of data with `more` events, a user and an item each, where k_core is 3."""
    write_growing(folder)
    rows = pl.read_csv(folder / "before.csv")
    extra = [(user, item, f"2024-10-0{day + 1}T00:00:00") for day, (user, item) in enumerate(more)]
    pl.concat([rows, pl.DataFrame(extra, schema=rows.schema, orient="row")]).write_csv(
        folder / "after.csv"
    )
    config = root(*SETTINGS[:1], "prepare.k_core=3", f"data.path={folder / 'before.csv'}")
    before = store_of(config, folder / "cache")
    write_known(
        folder / "known.parquet", Known(before.items()["item"], before.users()["user"], SINCE)
    )
    config = root(*SETTINGS[:1], "prepare.k_core=3", f"data.path={folder / 'after.csv'}")
    config.data = {
        "_target_": "seqrec.update.source.Grown",
        "base": config.data,
        "known_path": str(folder / "known.parquet"),
    }
    with pytest.raises(DataError) as refused:
        check_goes_on(before, store_of(config, folder / "cache"), since=SINCE)
    return str(refused.value)


def test_no_later_event_is_told_as_such(tmp_path):
    assert "has no event after" in nothing_new(tmp_path)


def test_a_step_that_removed_the_new_events_is_named(tmp_path):
    said = nothing_new(tmp_path, ("stranger", "i1"), ("stranger", "i2"))
    assert "2 more events" in said and "prepare.k_core left none" in said
