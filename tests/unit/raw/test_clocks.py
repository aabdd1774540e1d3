"""Times whose form or zone is named: read so, or refused in words."""

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from helpers.times import read, times_of

from seqrec.errors import ConfigError, DataError
from seqrec.raw.parse.clock import Clock
from seqrec.raw.parse.formats import Parquet


@pytest.mark.parametrize(
    ("time", "clock", "day"),
    [
        ("03-05-24", Clock(form="day_first"), "2024-05-03"),
        ("03-05-24", Clock(form="month_first"), "2024-03-05"),
        ("03-05-24", Clock(form="year_first"), "2003-05-24"),
        ("3/5/2024 8.26", Clock(form="%d/%m/%Y %H.%M"), "2024-05-03T08:26"),
        ("2023", Clock(form="%Y"), "2023-01-01"),
        ("2023.0", Clock(form="%Y"), "2023-01-01"),
        ("202311", Clock(form="%Y%m"), "2023-11-01"),
        ("May 3, 2024", Clock(form="%B %d, %Y"), "2024-05-03"),
        ("10h 03.05.2024", Clock(form="%Hh %d.%m.%Y"), "2024-05-03T10:00"),
        ("2024-05-03 01:02:03.25", Clock(form="%Y-%m-%d %H:%M:%S.%f"), "2024-05-03T01:02:03.25"),
        ("45254", Clock("excel"), "2023-11-24"),
    ],
)  # fmt: skip
def test_a_named_form_is_read(time: str, clock: Clock, day: str, tmp_path: Path):
    expected = datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp() * 1000
    assert read([time] * 2, tmp_path / "events", clock) == [expected] * 2


@pytest.mark.parametrize("dtype", [pl.Int64, pl.Float64, pl.String])
@pytest.mark.parametrize("digits", ["20231124", "20231124003127"])
def test_digits_of_dates_are_read_from_any_type(digits: str, dtype: pl.DataType, tmp_path: Path):
    path = tmp_path / "events.parquet"
    times = pl.Series("t", [digits] * 2).cast(dtype)
    pl.DataFrame({"u": ["a", "b"], "i": ["x", "y"]}).with_columns(times).write_parquet(path)
    second = 0 if len(digits) == 8 else 1887
    assert times_of(path, Parquet()) == [1_700_784_000_000 + second * 1000] * 2


@pytest.mark.parametrize("step", [1, 0.5, 1000])
def test_a_made_up_clock_is_read_as_it_is(step: float, tmp_path: Path):
    times = [str(n * step) for n in range(1, 50)]
    assert read(times, tmp_path / "events") == [n * step * 1000 for n in range(1, 50)]


def test_local_times_are_those_of_their_zone(tmp_path: Path):
    berlin = Clock(zone="Europe/Berlin")
    summer, winter = "2024-07-01 12:00", "2024-01-01 12:00"
    expected = [1_719_828_000_000, 1_704_106_800_000]
    assert read([summer, winter], tmp_path / "events", berlin) == expected
    aware = ["2024-07-01T10:00Z", "2024-01-01T06:00-05:00"]
    assert read(aware, tmp_path / "events", berlin) == expected


def test_hours_that_clocks_skip_or_repeat(tmp_path: Path):
    berlin = Clock(zone="Europe/Berlin")
    twice = "2024-10-27 02:30"  # the first time, in summer
    assert read([twice], tmp_path / "events", berlin) == [1_729_989_000_000]
    with pytest.raises(DataError, match=r"line 3 \(unparsable time\)"):
        read([twice, "2024-03-31 02:30"], tmp_path / "events", berlin)


def test_a_zone_of_numbers_is_refused(tmp_path: Path):
    with pytest.raises(DataError, match="the same moments in every zone"):
        read(["1701154261"], tmp_path / "events", Clock(zone="Europe/Berlin"))


def test_naive_datetimes_of_parquet_are_local(tmp_path: Path):
    path = tmp_path / "events.parquet"
    noon = datetime(2024, 7, 1, 12)
    pl.DataFrame({"u": ["a"], "i": ["x"], "t": [noon]}).write_parquet(path)
    assert times_of(path, Parquet(), Clock(zone="Europe/Berlin")) == [1_719_828_000_000]
    assert times_of(path, Parquet()) == [1_719_835_200_000]


@pytest.mark.parametrize(
    ("keys", "where"),
    [
        ({"unit": "days"}, "data.time_unit"),
        ({"form": "dd.mm.yyyy"}, "data.time_format"),
        ({"form": "%Y", "unit": "s"}, "data.time_format"),
        ({"zone": "Berlin"}, "data.time_zone"),
    ],
)
def test_clocks_that_there_are_not_are_refused(keys: dict[str, str], where: str):
    with pytest.raises(ConfigError, match=where):
        Clock(**keys)
