"""Times as people's files write them: read right whatever the form, or refused in words."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

import pytest
from helpers.damage import many
from helpers.times import lines, read, times_of
from hypothesis import given, settings
from hypothesis import strategies as st

from seqrec.errors import DataError, SeqrecError
from seqrec.raw.parse import read as reading
from seqrec.raw.parse.clock import Clock
from seqrec.raw.parse.formats import Delimited, Format, JsonLines

MOMENTS = [datetime(2023, 11, 24, 0, 31, 27, tzinfo=UTC) + timedelta(hours=7 * n) for n in range(9)]
SECOND, MINUTE, DAY = 1, 60, 86_400
Form = tuple[Callable[[datetime], str], int]


def by(form: str, step: int = SECOND) -> Form:
    return lambda moment: moment.strftime(form), step


def number(per_second: float, zero: float = 0, digits: int = 0) -> Form:
    return lambda moment: f"{(moment.timestamp() - zero) * per_second:.{digits}f}", SECOND


def bare(form: str) -> Form:
    """Without leading zeros, as 3/5/2024 8:26."""

    def written(moment: datetime) -> str:
        marked = moment.strftime(form.replace("%", "~%"))
        return (
            marked.replace("~0", "").replace("~", "") if "~0" in marked else marked.replace("~", "")
        )

    return written, MINUTE


FORMS: dict[str, Form] = {
    "seconds": number(1),
    "floats": number(1, digits=1),
    "ms": number(1e3),
    "us": number(1e6),
    "ns": number(1e9),
    "excel": number(1 / DAY, -25_569 * DAY, 6),
    "filetime": number(1e7, -11_644_473_600),
    "ticks": number(1e7, -62_135_596_800),
    "20231124": by("%Y%m%d", DAY),
    "20231124.0": by("%Y%m%d.0", DAY),
    "2023112400": by("%Y%m%d%H", 3600),
    "202311240031": by("%Y%m%d%H%M", MINUTE),
    "20231124003127": by("%Y%m%d%H%M%S"),
    "iso": by("%Y-%m-%d %H:%M:%S"),
    "iso T": by("%Y-%m-%dT%H:%M:%S.000Z"),
    "iso minutes": by("%Y-%m-%dT%H:%M+00:00", MINUTE),
    "iso offset": by("%Y-%m-%d %H:%M:%S +0000"),
    "iso basic": by("%Y%m%dT%H%M%SZ"),
    "slashes": by("%Y/%m/%dT%H:%M:%S"),
    "dots, year first": by("%Y.%m.%d", DAY),
    "bigquery": by("%Y-%m-%d %H:%M:%S UTC"),
    "comma": by("%Y-%m-%d %H:%M:%S,000"),
    "american": bare("%m/%d/%Y %H:%M"),
    "american pm": by("%m/%d/%Y %I:%M:%S %p"),
    "german": by("%d.%m.%Y %H:%M", MINUTE),
    "british": by("%d/%m/%Y", DAY),
    "short": by("%d-%m-%y", DAY),
    "excel csv": by("%m/%d/%y %H:%M", MINUTE),
    "browser": by("%m/%d/%Y, %I:%M:%S %p"),
    "oracle": by("%d-%b-%y", DAY),
    "mail": by("%a, %d %b %Y %H:%M:%S +0000"),
    "tweet": by("%a %b %d %H:%M:%S +0000 %Y"),
    "log": by("%d/%b/%Y:%H:%M:%S +0000"),
    "words": by("%B %d, %Y %I:%M %p", MINUTE),
}


def json_lines(times: list[str]) -> str:
    return "\n".join(json.dumps({"u": "u", "i": f"i{n}", "t": t}) for n, t in enumerate(times))


FAMILIES: dict[str, tuple[Format, Callable[[list[str]], str]]] = {
    "csv": (Delimited(","), lines(",")),
    "semicolons": (Delimited(";"), lines(";")),
    "tabs": (Delimited("\t"), lines("\t")),
    "json": (JsonLines(), json_lines),
}


def ms(moment: datetime, step: int) -> int:
    return int(moment.timestamp()) // step * step * 1000


ROTATED = [(form, list(FAMILIES)[n % len(FAMILIES)]) for n, form in enumerate(FORMS)]


@pytest.mark.slow
@pytest.mark.parametrize(("form", "family"), ROTATED)
def test_usual_forms_of_times_are_recognised(form: str, family: str, tmp_path: Path):
    (write, step), (file_format, content) = FORMS[form], FAMILIES[family]
    path = tmp_path / "events"
    path.write_text(content([write(moment) for moment in MOMENTS]))
    found = times_of(path, file_format)
    expected = [ms(moment, step) for moment in MOMENTS]
    assert all(abs(a - b) < 100 for a, b in zip(found, expected, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_both_readers_read_the_same_times(
    form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    texts = [FORMS[form][0](moment) for moment in MOMENTS]
    fast = read(texts, tmp_path / "events")
    monkeypatch.setattr(reading, "_fast", lambda *_: None)
    assert read(texts, tmp_path / "events") == fast


ASKED = {
    "03-05-24": (r"2024-05-03 \(data.time_format=day_first\)", "data.time_format=day_first"),
    "03.05.24": (r"may be 2024-05-03(.|\n)*or 2003-05-24", "data.time_format=day_first"),
    "03/05/2024": (r"or 2024-03-05 \(data.time_format=month_first\)", "time_format=month_first"),
    "2023": ("may be years", "data.time_format='%Y'"),
    "202311": ("may be months", "data.time_format='%Y%m'"),
    "45254": ("may be days of Excel", "data.time_unit=excel"),
    "5000000000": ("read as s since 1970, from 2128", "data.time_unit=s"),
    "50000000000000": ("read as ms since 1970, from 3554", "data.time_unit=s"),
    "0001-01-01": ("implausible times: dates from 0001-01-01", "data.time_format="),
    "soon": ("'soon' are in no form that is known", "data.time_format="),
    "8:26": ("'8:26' are in no form that is known", "data.time_format="),
}


@pytest.mark.parametrize("time", ASKED)
def test_times_that_may_mean_several_things_are_asked_about(time: str, tmp_path: Path):
    words, key = ASKED[time]
    with pytest.raises(DataError, match=words) as told:
        read([time] * 3, tmp_path / "events")
    assert key in str(told.value)


def test_one_day_above_twelve_anywhere_settles_a_column(tmp_path: Path):
    times = ["03/05/2024"] * 1500
    assert len(set(read([*times, "13/05/2024"], tmp_path / "events"))) == 2
    found = read([*times, "05/13/2024"], tmp_path / "events")
    assert found[0] == 1_709_596_800_000  # 5 March


def test_years_change_less_often_than_days(tmp_path: Path):
    dates = [f"24-{month:02}-{day:02}" for month in (3, 4) for day in range(1, 29)]
    assert read(dates, tmp_path / "events")[0] == 1_709_251_200_000  # 1 March 2024


@pytest.mark.parametrize(
    "times",
    [
        ["1701154261", "2023-11-28T06:51:01"],
        ["2023-11-28", "28.11.2023"],
        ["13/05/2024", "05/13/2024"],
        ["28 Nov 2023", "28/11/2023"],
    ],
)
def test_times_in_two_forms_are_refused(times: list[str], tmp_path: Path):
    with pytest.raises(DataError, match=r"two forms|in others"):
        read(times * 20, tmp_path / "events")


def test_a_stray_time_is_counted_whatever_the_form(tmp_path: Path):
    for good, stray in (
        ("20231124", "20231399"),
        ("24.11.2023", "99.99.2023"),
        ("2023-11-24", "x"),
    ):
        assert len(read([good] * 300 + [stray], tmp_path / "events")) == 300
        with pytest.raises(DataError, match="unparsable time"):
            read([good] * 30 + [stray], tmp_path / "events", bad=0)


@pytest.mark.parametrize("good", ["1701154261", "20231124", "20231124003127", "45254.5"])
def test_a_huge_number_among_times_is_counted_or_refused(good: str, tmp_path: Path):
    for huge in ("9" * 15, "9" * 20, "-" + "9" * 20):
        assert len(read([good] * 300 + [huge], tmp_path / "events")) == 300
        with pytest.raises(DataError, match=r"implausible|two units|unparsable time"):
            read([good] * 10 + [huge], tmp_path / "events")


PIECES = ["2024", "1", "13", "45254.5", "1701154261", "20231124", "24", "Nov", "/", "-", ".", ":",
          " ", "T", "Z", "+01", "PM", "e9", "nan", "é"]  # fmt: skip
CLOCKS = [Clock(), Clock("iso"), Clock("ns"), Clock("excel"), Clock(form="day_first"),
          Clock(form="%d/%m/%y"), Clock(form="%H"), Clock(zone="Asia/Tokyo")]  # fmt: skip


@settings(many, max_examples=20)
@given(
    pieces=st.lists(st.lists(st.sampled_from(PIECES), min_size=1, max_size=7), min_size=1),
    clock=st.sampled_from(CLOCKS),
)
def test_any_text_for_a_time_is_read_alike_by_both_readers_or_refused(
    pieces: list[list[str]], clock: Clock, tmp_path: Path
):
    def outcome() -> list[int] | str:
        try:
            return read(["".join(text) for text in pieces], tmp_path / "events", clock, bad=1)
        except SeqrecError as error:
            return str(error)

    fast = outcome()
    with patch.object(reading, "_fast", lambda *_: None):
        assert outcome() == fast
