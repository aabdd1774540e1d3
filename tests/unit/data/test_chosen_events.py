"""``data=files``: which files and events are read, in which order, and how numbers are written."""

from pathlib import Path

import polars as pl
import pytest

from seqrec.config.schema import Prepare
from seqrec.data.files import Files
from seqrec.errors import ConfigError, DataError
from seqrec.store.prepare import prepare

HEAD = "user_id,item_id,timestamp,event,price\n"
ROWS = [
    "a,x,1701154261,view,1.5",
    "a,y,1701154262,purchase,2",
    "b,x,1701154263,cart,",
    "b,z,1701154264,purchase,12",
]
Row = tuple[str, str]


def written(folder: Path, rows: list[str] = ROWS, head: str = HEAD) -> str:
    path = folder / "events.csv"
    path.write_text(head + "\n".join(rows) + "\n")
    return str(path)


def pairs(source: Files) -> list[Row]:
    return source.read().events.select(pl.col("user", "item").cast(pl.String)).collect().rows()


ALL = [("a", "x"), ("a", "y"), ("b", "x"), ("b", "z")]


def parts(folder: Path, kind: str) -> Path:
    place = folder / "events.parts"
    place.mkdir()
    frame = pl.read_csv(written(folder), infer_schema=False)
    for n, name in enumerate(("part-2", "part-10")):
        part, path = frame.slice(2 * n, 2), place / f"{name}.{kind}"
        if kind == "parquet":
            part.write_parquet(path)
        elif kind == "jsonl":
            part.write_ndjson(path)
        else:
            part.write_csv(path)
    (place / "_SUCCESS").write_text("")
    (place / ".part-2.crc").write_text("x")
    (place / f"part-11.{kind}").write_text("")  # as Spark leaves them
    return place


@pytest.mark.parametrize("kind", ["csv", "parquet", "jsonl"])
def test_parts_of_a_folder_or_pattern_are_one_file_in_name_order(kind: str, tmp_path: Path):
    place = parts(tmp_path, kind)
    folder, pattern = Files(path=str(place)), Files(path=f"{place}/*.{kind}")
    assert pairs(folder) == pairs(pattern) == ALL
    assert [path.name for path in folder.files()] == [f"part-2.{kind}", f"part-10.{kind}"]
    assert folder.name == pattern.name == "files-events"


def test_a_changed_part_is_prepared_again(tmp_path: Path):
    place, settings = parts(tmp_path, "csv"), Prepare(k_core=0)
    first = prepare(Files(path=str(place)), settings, tmp_path / "cache")
    (place / "part-10.csv").write_text(HEAD + ROWS[2] + "\n")
    second = prepare(Files(path=str(place)), settings, tmp_path / "cache")
    assert (first.n_interactions, second.n_interactions) == (4, 3)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_names_of_folders_are_columns(kind: str, tmp_path: Path):
    for day, user in (("2024-01-02", "a"), ("2024-01-01", "b")):
        place = tmp_path / "log" / f"day={day}" / "kind=a%20b"
        place.mkdir(parents=True)
        frame = pl.DataFrame({"user_id": [user], "item_id": ["x"]})
        (frame.write_csv if kind == "csv" else frame.write_parquet)(place / f"part.{kind}")
    for path in (tmp_path / "log", tmp_path / f"log/*/*/*.{kind}"):
        read = Files(path=str(path), timestamp="day", where={"kind": "a b"}).read()
        assert read.events.collect().select("user", "timestamp").rows() == [
            ("b", 1_704_067_200_000),
            ("a", 1_704_153_600_000),
        ]


def test_one_day_above_twelve_settles_all_parts(tmp_path: Path):
    for name, day in (("1", "03/05/2024"), ("2", "13/05/2024"), ("10", "04/05/2024")):
        (tmp_path / f"{name}.csv").write_text(f"{DATED}a,x,{day}\n")
    events = Files(path=f"{tmp_path}/*.csv").read().events.collect()
    days = (events["timestamp"] - events["timestamp"].min()) // 86_400_000
    assert days.to_list() == [0, 10, 1]


def test_malformed_rows_of_parts_are_quoted_with_their_part(tmp_path: Path):
    place = parts(tmp_path, "csv")
    (place / "part-10.csv").write_text(HEAD + "b,,1701154263,cart,\n")
    with pytest.raises(DataError, match=r"line 2 \(missing id\): 'part-10.csv: b,,"):
        pairs(Files(path=str(place)))


def test_parts_that_cant_be_one_file_are_refused(tmp_path: Path):
    place = parts(tmp_path, "parquet")
    source = Files(path=str(place))
    pl.DataFrame({"user_id": [1], "item": [2]}).write_parquet(place / "part-3.parquet")
    with pytest.raises(DataError, match=r"part-3.*it lacks event,.*it alone has item"):
        pairs(source)
    (place / "part-3.parquet").write_bytes(b"PAR1 cut off")
    with pytest.raises(
        DataError, match=r"part-3\.parquet is not a Parquet file, or is cut off or damaged"
    ):
        pairs(source)
    (place / "part-3.csv").write_text(HEAD)
    with pytest.raises(DataError, match=r"kinds: \.csv, \.parquet"):
        source.files()
    with pytest.raises(DataError, match="names no file"):
        Files(path=f"{place}/*.tsv").files()


@pytest.mark.parametrize(
    ("where", "kept"),
    [
        ({"event": "purchase"}, [1, 3]),
        ({"event": ["purchase", "cart"]}, [1, 2, 3]),
        ({"event": ["purchase", "cart"], "user_id": "b"}, [2, 3]),
        ({"price": None}, [2]),
        ({"price": [2, 12]}, [1, 3]),
    ],
)
def test_only_chosen_events_are_read_and_the_others_counted(
    where: dict, kept: list[int], tmp_path: Path
):
    source = Files(path=written(tmp_path), where=where)
    assert pairs(source) == [ALL[n] for n in kept]
    assert source.read().notes == (f"data.where left out {4 - len(kept)} of 4 events",)


def test_malformed_rows_are_counted_among_chosen_events(tmp_path: Path):
    source = Files(
        path=written(tmp_path, [*ROWS, "c,x"]), where={"event": "purchase"}, max_bad_rows=0.5
    )
    read = source.read()
    assert len(read.events.collect()) == 2 and read.rejected == {"wrong column count": 1}


def test_typed_columns_are_compared_as_text(tmp_path: Path):
    path = tmp_path / "events.parquet"
    frame = pl.DataFrame({"user_id": ["a", "b"], "item_id": [1, 2], "timestamp": [5, 6]})
    frame.with_columns(bot=pl.Series([True, False]), kind=pl.Series([1.0, 2.0])).write_parquet(path)
    for where in ({"bot": False}, {"kind": 2}, {"kind": "2"}):
        assert pairs(Files(path=str(path), where=where)) == [("b", "2")]


def test_values_that_no_event_has_are_told_with_those_that_there_are(tmp_path: Path):
    path = written(tmp_path)
    notes = Files(path=path, where={"event": ["purchase", "buy"]}).read().notes
    assert r"no event has event ['buy']; there are purchase (2)" in notes[1]
    with pytest.raises(DataError, match=r"leaves none of 4 events(.|\n)*there are purchase \(2\)"):
        pairs(Files(path=path, where={"event": "buy"}))
    with pytest.raises(DataError, match=r"no column 'evnt'(.|\n)*such as event"):
        pairs(Files(path=path, where={"evnt": "buy"}))
    with pytest.raises(ConfigError, match=r"data.where"):
        Files(path=path, where={"event": []})


DAYS = ["b,z,2024-01-02", "b,y,2024-01-02", "a,y,2024-01-01", "a,x,2024-01-01"]
DATED = "user_id,item_id,timestamp\n"


def test_a_file_that_runs_backwards_is_told_and_turned_if_that_is_said(tmp_path: Path):
    path = written(tmp_path, DAYS, DATED)
    [note] = Files(path=path).read().notes
    assert "100% of the events" in note and "data.order=newest_first" in note
    turned = Files(path=path, order="newest_first")
    assert pairs(turned) == [("a", "x"), ("a", "y"), ("b", "y"), ("b", "z")]
    assert not turned.read().notes
    assert not Files(path=path, order="oldest_first").read().notes


def test_users_newest_first_one_after_another_run_backwards_too(tmp_path: Path):
    rows = [f"{user},{n},2024-01-0{9 - n // 2}" for user in "abc" for n in range(8)]
    [note] = Files(path=written(tmp_path, rows, DATED)).read().notes
    assert "from the newest event to the oldest" in note


def test_order_is_told_only_where_it_matters(tmp_path: Path):
    forwards = written(tmp_path, DAYS[::-1], DATED)
    assert not Files(path=forwards).read().notes
    [note] = Files(path=forwards, order="newest_first").read().notes
    assert "the file runs from the oldest" in note
    times = ["b,z,1701154264", "b,x,1701154263", "a,y,1701154262", "a,x,1701154261"]
    assert not Files(path=written(tmp_path, times, DATED)).read().notes


def test_without_times_the_file_is_taken_from_its_end(tmp_path: Path):
    path = written(tmp_path)
    assert pairs(Files(path=path, timestamp=None, order="newest_first")) == ALL[::-1]


def numbers(texts: list[str], folder: Path, decimal: str | None) -> tuple[list, tuple[str, ...]]:
    rows = [f"u;i{n};17011542{n:02};{text};{text}" for n, text in enumerate(texts)]
    path = written(folder, rows, "user_id;item_id;timestamp;price;stars\n")
    source = Files(
        path=path, context=[{"price": "number"}], rating="stars", decimal=decimal, max_bad_rows=1
    )
    read = source.read()
    frame = read.events.collect()
    ratings = frame["rating"].to_list()
    assert ratings == frame["price"].to_list()
    return ratings, read.notes


@pytest.mark.parametrize(
    ("decimal", "texts", "values"),
    [
        (None, ["1.5", "2", "1e3", "-4.25"], [1.5, 2, 1000, -4.25]),
        (",", ["1,5", "1.234,5", "12", "1 234,5", "-12.345"], [1.5, 1234.5, 12, 1234.5, -12345]),
        (".", ["1.5", "1,234.5", "12", "1'234", "1,234,567"], [1.5, 1234.5, 12, 1234, 1234567]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("careful", [False, True])
def test_numbers_are_read_by_their_decimal_mark(
    careful: bool,
    decimal: str | None,
    texts: list[str],
    values: list[float],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    if careful:
        monkeypatch.setattr("seqrec.raw.parse.read._fast", lambda *_: None)
    assert numbers(texts, tmp_path, decimal) == (values, ())


def test_a_number_of_the_other_mark_is_unknown(tmp_path: Path):
    rows = [f"u,i{n},17011542{n:02},x,{text}" for n, text in enumerate(['"12,5"', '"1,2"', "3"])]
    path = written(tmp_path, rows)
    context = [{"price": "number"}]
    [note] = Files(path=path, context=context).read().notes
    assert "67% of the values of price are no numbers, such as '12,5'" in note
    assert "data.decimal=\"','\" reads more of them" in note
    [wrong] = Files(path=path, context=context, decimal=".").read().notes
    assert "data.decimal=\"','\"" in wrong
    assert not Files(path=path, context=context, decimal=",").read().notes


def test_excel_days_with_a_decimal_comma(tmp_path: Path):
    path = written(tmp_path, ["a;x;45254,5", "a;y;45255,25"], "user_id;item_id;timestamp\n")
    times = Files(path=path, decimal=",").read().events.collect()["timestamp"].to_list()
    assert times == [1_700_827_200_000, 1_700_892_000_000]


def test_a_made_up_clock_is_told(tmp_path: Path):
    [note] = Files(path=written(tmp_path, ["a,x,1", "a,y,2"], DATED)).read().notes
    assert "times from 1 to 2 are no dates" in note
    assert not Files(path=written(tmp_path, ["a,x,1"], DATED), time_unit="s").read().notes
    assert not Files(path=written(tmp_path, ["a,x,1970-02-03"], DATED)).read().notes


def test_times_far_from_the_others_are_told(tmp_path: Path):
    rows = [f"u{i % 9},x{i % 7},{881_250_000 + 60 * i}" for i in range(200)]
    assert not Files(path=written(tmp_path, rows, DATED)).read().notes
    [note] = Files(path=written(tmp_path, [*rows, "u1,x1,88125"], DATED)).read().notes
    assert "1 of 201 times, such as 1970-01-02T00:28:45, lie far from the others" in note


@pytest.mark.parametrize(
    ("key", "value"),
    [("order", "backwards"), ("decimal", ";"), ("time_zone", "Mars"), ("time_format", "iso8601")],
)
def test_impossible_values_are_refused_by_key(key: str, value: str):
    with pytest.raises(ConfigError, match=f"data.{key}"):
        Files(path="events.csv", **{key: value})
