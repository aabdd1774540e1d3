"""Reading raw files, with everything that can be wrong with them."""

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from seqrec.errors import ConfigError, DataError
from seqrec.raw.parse import formats
from seqrec.raw.parse.formats import Delimited, Format, JsonLines, Parquet
from seqrec.raw.parse.read import read_events


def read(path: Path, form: Format, **options: object) -> tuple[pl.DataFrame, dict[str, int]]:
    roles = {"user": "u", "item": "i", "timestamp": "t", "rating": "r"}
    frame, rejected = read_events(path, form, **(roles | options))  # type: ignore[arg-type]
    return frame.collect(), rejected


CLEAN = [("a", "1", 978_300_760_000, 4.0), ("b", "2", -427_136_400_000, 2.5)]
SECONDS = [(u, i, t // 1000, r) for u, i, t, r in CLEAN]


def delimited(separator: str, header: bool = True) -> str:
    lines = [separator.join(map(str, row)) for row in SECONDS]
    return "\n".join([*([separator.join("uitr")] if header else []), *lines]) + "\n"


def json_lines() -> str:
    return "\n".join(json.dumps(dict(zip("uitr", row, strict=True))) for row in SECONDS)


@pytest.mark.parametrize(
    ("form", "content"),
    [
        (Delimited(","), delimited(",").encode()),
        (Delimited("\t"), delimited("\t").replace("\n", "\r\n").encode()),
        (Delimited("::"), gzip.compress(delimited("::").encode())),
        (Delimited("::", tuple("uitr")), delimited("::", header=False).encode()),
        (Delimited(",", tuple("uitr"), encoding="latin-1"), delimited(",", header=False).encode()),
        (JsonLines(), json_lines().encode()),
    ],
    ids=["csv", "tsv-crlf", "colons-gz", "colons-bare", "latin-1", "jsonl"],
)  # fmt: skip
def test_every_format_gives_the_same_events(form: Format, content: bytes, tmp_path: Path):
    path = tmp_path / "events"
    path.write_bytes(content)
    frame, rejected = read(path, form)
    assert frame.rows() == CLEAN and not rejected
    assert frame.dtypes[2:] == [pl.Int64, pl.Float32]


def test_parquet_with_typed_times(tmp_path: Path):
    path = tmp_path / "events.parquet"
    times = [datetime.fromtimestamp(978300760), None]
    frame = pl.DataFrame({"u": [1, 2], "i": ["x", "y"], "t": times, "r": [1, 2]})
    frame.head(1).write_parquet(path)
    naive = int(frame["t"].dt.epoch("ms")[0])
    assert read(path, Parquet())[0].rows() == [(1, "x", naive, 1.0)]
    frame.write_parquet(path)
    events, rejected = read(path, Parquet(), max_bad_rows=0.5)
    assert len(events) == 1 and rejected == {"unparsable time": 1}
    with pytest.raises(DataError, match=r"line 2 \(unparsable time\)(.|\n)*\"u\": \"2\""):
        read(path, Parquet())


ZONED = datetime(2001, 1, 8, 12, 26, 40, 500_000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("times", "unit", "expected"),
    [
        (pl.Series([978_956_800, -5], dtype=pl.Int32), "s", [978_956_800_000, -5000]),
        (pl.Series([978_956_800.5, 7.0], dtype=pl.Float64), "s", [978_956_800_500, 7000]),
        (pl.Series(["978956800", " 7 "]), "auto", [978_956_800_000, 7000]),
        (pl.Series([ZONED] * 2, dtype=pl.Datetime("ns", "UTC")), "auto", [978_956_800_500] * 2),
        (pl.Series([ZONED.date()] * 2), "iso", [978_912_000_000] * 2),
        (pl.Series([ZONED.isoformat(" "), "2001-01-08"]), "iso",
         [978_956_800_500, 978_912_000_000]),
        (pl.Series([ZONED] * 2), "s", None),
        (pl.Series([978_956_800] * 2), "iso", None),
        (pl.Series([ZONED.time()] * 2), "iso", None),
    ],
    ids=["int", "float", "text", "zoned", "date", "iso", "no number", "no date", "no day"],
)  # fmt: skip
def test_times_of_a_parquet_file_keep_their_type(
    times: pl.Series, unit: str, expected: list[int] | None, tmp_path: Path
):
    path = tmp_path / "events.parquet"
    pl.DataFrame({"u": ["a", "b"], "i": [1, 2], "t": times, "r": [1, 2]}).write_parquet(path)
    if expected is None:
        with pytest.raises(DataError, match=r"2 of 2 rows(.|\n)*unparsable time"):
            read(path, Parquet(), time_unit=unit)
    else:
        assert read(path, Parquet(), time_unit=unit)[0]["timestamp"].to_list() == expected


def test_both_ways_to_read_a_file_drop_the_same_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(formats, "SLICE", 2)
    path = tmp_path / "events.parquet"
    frame = pl.DataFrame(
        {"u": [1, None, 3, 4, 5], "i": ["x", "x", "", "y", "z"], "t": [1, 2, 3, 4, None],
         "r": [1.0, float("nan"), 3.0, float("inf"), 2.0]}
    )  # fmt: skip
    frame.write_parquet(path)
    fast = read(path, Parquet(), max_bad_rows=0.8)
    monkeypatch.setattr("seqrec.raw.parse.read._fast", lambda *_: None)
    careful = read(path, Parquet(), max_bad_rows=0.8)
    assert fast[0].rows() == [(1, "x", 1000, 1.0)] and careful[0].rows() == [("1", "x", 1000, 1.0)]
    assert fast[1] == careful[1]
    assert fast[1] == {"missing id": 2, "NaN or unparsable rating": 1, "unparsable time": 1}


@pytest.mark.parametrize("column", ["u", "i", "t", "r"])
def test_floats_that_are_no_numbers_are_missing_in_either_way(
    column: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "events.parquet"
    frame = pl.DataFrame({name: [1.0, 2.0, 3.0] for name in "uitr"})
    odd = pl.Series(column, [1.0, float("nan"), float("inf")])
    frame.with_columns(odd).write_parquet(path)
    fast = read(path, Parquet(), time_unit="s", max_bad_rows=0.8)
    monkeypatch.setattr("seqrec.raw.parse.read._fast", lambda *_: None)
    careful = read(path, Parquet(), time_unit="s", max_bad_rows=0.8)
    assert fast[0].rows() == careful[0].rows() == [("1.0", "1.0", 1000, 1.0)]
    assert fast[1] == careful[1] and sum(fast[1].values()) == 2


MALFORMED = """u,i,t,r
a,1,100,3
,2,100,3
c,3,soon,3
d,4,100,nan
e,5,100,x
f,6,100

g,7,100,3,extra
"h,8",8,100,3
"""


def test_malformed_rows_are_counted_by_reason_and_dropped(tmp_path: Path):
    path = tmp_path / "events.csv"
    path.write_text(MALFORMED)
    frame, rejected = read(path, Delimited(","), max_bad_rows=0.8)
    assert frame["user"].to_list() == ["a", "h,8"]
    assert rejected == {
        "missing id": 1,
        "unparsable time": 1,
        "NaN or unparsable rating": 2,
        "wrong column count": 2,
    }


def test_too_many_malformed_rows_are_quoted_with_their_lines(tmp_path: Path):
    path = tmp_path / "events.csv"
    path.write_text(MALFORMED)
    with pytest.raises(DataError) as caught:
        read(path, Delimited(","))
    message = str(caught.value)
    assert "6 of 8 rows" in message and "max_bad_rows=0.01" in message
    assert "line 3 (missing id): ',2,100,3'" in message
    assert "line 4 (unparsable time): 'c,3,soon,3'" in message
    assert message.count("line ") == 3


def test_broken_json_is_counted(tmp_path: Path):
    path = tmp_path / "events.jsonl"
    row = '{"u": "a", "i": 1, "t": 5, "r": 1, "more": [{"x": 1}]}\n'
    path.write_text(row * 3 + '{"u": "b", \n' + "[1]\n" + '{"u": "c", "i": null, "t": 5, "r": 1}\n')
    frame, rejected = read(path, JsonLines(), max_bad_rows=0.5)
    assert len(frame) == 3 and rejected == {"broken JSON": 2, "missing id": 1}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"u,i,t,r\n", "has no rows"),
        (b"\x7fELF\0\0\0\0", "is not text"),
        (b"u,i,t,r\nMis\xe9rables,1,1,1\n", "is not utf-8 text"),
        (gzip.compress(delimited(",").encode() * 50, mtime=0)[:60], "cut off or damaged"),
        (b"user,i,t,r\na,1,1,1\n", r"no column 'u'; it has user, i, t, r(.|\n)*data.user=user"),
        (b'u,i,t,r\n"a,1,1,1\n' + b"b,2,2,2\n" * 20000, "line 2 .* isn't closed before line 3"),
        (b"u,i,i,t,r\na,1,2,1,1\n", "has 2 columns called 'i'"),
    ],
    ids=[
        "empty",
        "no rows",
        "binary",
        "encoding",
        "cut gzip",
        "missing column",
        "open quote",
        "two of a name",
    ],
)
def test_unusable_files_are_named_for_what_they_are(content: bytes, words: str, tmp_path: Path):
    path = tmp_path / "events.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=words):
        read(path, Delimited(","))


def test_iso_times_with_and_without_zones(tmp_path: Path):
    texts = ["1970-01-02", "1970-01-02T00:00:01", "1970-01-02 00:00:01.5", "1970-01-02T00:00:01Z",
             "1970-01-02T02:00:01+02:00", "1970-01-02 00:01", "1969-12-31"]  # fmt: skip
    path = tmp_path / "events.csv"
    path.write_text("u,i,t,r\n" + "".join(f"a,1,{text},1\n" for text in texts))
    day = 86_400_000
    expected = [day, day + 1000, day + 1500, day + 1000, day + 1000, day + 60_000, -day]
    assert read(path, Delimited(","))[0]["timestamp"].to_list() == expected


@pytest.mark.parametrize(("unit", "factor"), [("s", 1), ("ms", 10**3), ("us", 10**6)])
def test_one_unit_is_found_for_a_column_of_mixed_eras(unit: str, factor: int, tmp_path: Path):
    seconds = [-427_136_400, 5, 1_238_536_800, 1_262_300_400, 1_270_000_000]
    path = tmp_path / "events.csv"
    path.write_text("u,i,t,r\n" + "".join(f"a,1,{s * factor},1\n" for s in seconds))
    for named in ("auto", unit):
        times = read(path, Delimited(","), time_unit=named)[0]["timestamp"].to_list()
        assert times == [s * 1000 for s in seconds]
    with pytest.raises(ConfigError, match="unit of time"):
        read(path, Delimited(","), time_unit="days")


def test_times_in_two_units_are_refused(tmp_path: Path):
    path = tmp_path / "events.csv"
    times = [1_262_300_400 + i for i in range(50)] + [1_262_300_400_000 + i for i in range(50)]
    path.write_text("u,i,t,r\n" + "".join(f"a,1,{t},1\n" for t in times))
    with pytest.raises(DataError, match="times in two units: 50% look like seconds"):
        read(path, Delimited(","))
    assert len(read(path, Delimited(","), time_unit="ms")[0]) == 100


@pytest.mark.parametrize("absurd", ["1e300", "-1e300", "99999999999999"])
@pytest.mark.parametrize("unit", ["auto", "s"])
def test_a_time_beyond_the_year_9999_is_malformed(unit: str, absurd: str, tmp_path: Path):
    path = tmp_path / "events.csv"
    path.write_text("u,i,t,r\n" + "a,1,1262300400,1\n" * 199 + f"a,1,{absurd},1\n")
    frame, rejected = read(path, Delimited(","), time_unit=unit)
    assert rejected == {"unparsable time": 1}
    assert frame["timestamp"].unique().to_list() == [1_262_300_400_000]
    with pytest.raises(DataError, match=r"line 201 \(unparsable time\)"):
        read(path, Delimited(","), time_unit=unit, max_bad_rows=0)


def test_lists_are_no_ids(tmp_path: Path):
    frame = pl.DataFrame({"u": ["a", "b"], "i": [["x", "y"], ["z"]], "t": [1, 2], "r": [1, 1]})
    frame.write_parquet(tmp_path / "e.parquet")
    frame.write_ndjson(tmp_path / "e.jsonl")
    for path, form in (("e.parquet", Parquet()), ("e.jsonl", JsonLines())):
        with pytest.raises(DataError, match="column i holds lists or objects"):
            read(tmp_path / path, form)  # type: ignore[arg-type]


@pytest.mark.parametrize("row", [0, 3])
def test_a_long_row_is_noticed_where_not_all_columns_are_read(tmp_path: Path, row: int):
    path = tmp_path / "events.csv"
    lines = ["a,nice,x,1"] * 6
    lines[row] = "a,very, nice,x,1"
    path.write_text("user,note,item,time\n" + "\n".join(lines) + "\n")
    wanted = {"user": "user", "item": "item", "timestamp": "time", "time_unit": "s"}
    events, rejected = read_events(path, Delimited(","), **wanted, max_bad_rows=0.5)
    assert rejected == {"wrong column count": 1}
    assert events.collect()["item"].cast(pl.String).to_list() == ["x"] * 5
