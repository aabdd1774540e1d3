"""Files that are wrong in every way: each is refused by name, or what is wrong in it is counted."""

import gzip
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest
from helpers.damage import HARMLESS, SEQUENCES, many, sequences
from hypothesis import given, settings
from hypothesis import strategies as st

from seqrec.errors import SeqrecError
from seqrec.raw.parse.formats import Delimited, Format, JsonLines, Parquet
from seqrec.raw.parse.read import read_events

Events = list[tuple[str, str, int, float]]
NAMES = "uitr"
ROWS: Events = [
    (f"u{n % 7}", f"ï{n * n % 11}", 1_262_300_400 - 20_000_000 * n, 1 + n % 5) for n in range(40)
]  # the last times are before 1970
LOADED = [(u, i, t * 1000, r) for u, i, t, r in ROWS]


@dataclass(frozen=True)
class Text:
    """A family of text files: its format, its lines, and how a row becomes one."""

    form: Format
    head: tuple[str, ...]
    line: Callable[[dict], str]

    def lines(self) -> list[str]:
        return [*self.head, *(self.line(dict(zip(NAMES, row, strict=True))) for row in ROWS)]


def joined(separator: str) -> Callable[[dict], str]:
    return lambda row: separator.join("" if v is None else str(v) for v in row.values())


FAMILIES = {
    "csv": Text(Delimited(","), ("u,i,t,r",), joined(",")),
    "tsv": Text(Delimited("\t", quoted=False), ("u\ti\tt\tr",), joined("\t")),
    "colons": Text(Delimited("::"), ("u::i::t::r",), joined("::")),
    "bare": Text(Delimited(",", tuple(NAMES)), (), joined(",")),
    "bare colons": Text(Delimited("::", tuple(NAMES)), (), joined("::")),
    "jsonl": Text(JsonLines(), (), lambda row: json.dumps(row, ensure_ascii=False)),
}
DELIMITED = ["csv", "tsv", "colons", "bare", "bare colons"]


def read(path: Path, form: Format, unit: str = "s") -> tuple[Events, dict[str, int]]:
    """All that is read of a file, however much of it is dropped."""
    frame, rejected = read_events(
        path, form, user="u", item="i", timestamp="t", rating="r", time_unit=unit, max_bad_rows=1.0
    )
    text = frame.with_columns(pl.col("user", "item").cast(pl.String))
    return text.collect().rows(), rejected


def refused(path: Path, form: Format, unit: str = "s") -> str:
    with pytest.raises(SeqrecError) as told:
        read(path, form, unit)
    assert path.name in str(told.value)
    return str(told.value)


def changed(**values: object) -> Callable[[Text, dict], str]:
    return lambda family, row: family.line(row | values)


FAULTS: dict[str, tuple[str, Callable[[Text, dict], str]]] = {
    "no user": ("missing id", changed(u=None)),
    "empty item": ("missing id", changed(i="")),
    "word for a time": ("unparsable time", changed(t="soon")),
    "no time": ("unparsable time", changed(t=None)),
    "NaN time": ("unparsable time", changed(t=float("nan"))),
    "infinite time": ("unparsable time", changed(t=float("-inf"))),
    "huge time": ("unparsable time", changed(t=10**25)),
    "NaN rating": ("NaN or unparsable rating", changed(r=float("nan"))),
}
SHAPES: dict[str, tuple[str, Callable[[Text, dict], str]]] = {
    "too many fields": ("wrong column count", lambda f, row: f.line(row | {"more": "x"})),
    "too few fields": ("wrong column count", lambda f, row: f.line({"u": "u0", "i": "x"})),
    "header again": (
        "repeated header",
        lambda f, row: f.line(dict(zip(NAMES, NAMES, strict=True))),
    ),
}
BROKEN: dict[str, tuple[str, Callable[[Text, dict], str]]] = {
    "cut line": ("broken JSON", lambda f, row: f.line(row)[:-4]),
    "no object": ("broken JSON", lambda f, row: json.dumps(list(row.values()))),
    "list for an id": ("missing id", changed(i=["x", "y"])),
    "object for an id": ("missing id", changed(u={"id": "x"})),
    "NaN for an id": ("missing id", changed(u=float("nan"))),
    "key that is missing": ("missing id", lambda f, row: f.line({"u": "u0", "t": 5, "r": 1})),
}
CASES = [
    *((family, fault, *FAULTS[fault]) for family in FAMILIES for fault in FAULTS),
    *((family, fault, *SHAPES[fault]) for family in DELIMITED for fault in SHAPES
      if FAMILIES[family].head or fault != "header again"),
    *(("jsonl", fault, *BROKEN[fault]) for fault in BROKEN),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("family", "fault", "reason", "damage"), CASES)
@many
@given(where=st.sets(st.integers(0, len(ROWS) - 1), min_size=1, max_size=20))
def test_malformed_rows_are_counted_and_no_other_is_lost(
    family: str, fault: str, reason: str, damage: Callable, where: set[int], tmp_path: Path
):
    text = FAMILIES[family]
    lines = text.lines()
    for at in where:
        lines[at + len(text.head)] = damage(text, dict(zip(NAMES, ROWS[at], strict=True)))
    path = tmp_path / "events.txt"
    path.write_text("\n".join(lines) + "\n")
    events, rejected = read(path, text.form)
    assert rejected == {reason: len(where)}
    assert events == [row for at, row in enumerate(LOADED) if at not in where]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("way", HARMLESS)
def test_harmless_ways_to_write_a_file_change_nothing(family: str, way: str, tmp_path: Path):
    path = tmp_path / "events.txt"
    path.write_bytes(HARMLESS[way](FAMILIES[family].lines()))
    assert read(path, FAMILIES[family].form) == (LOADED, {})


@many
@given(texts=st.lists(st.text(st.sampled_from('a,"\n é'), min_size=1, max_size=8), min_size=1))
def test_quoted_fields_keep_what_is_in_them(texts: list[str], tmp_path: Path):
    path = tmp_path / "events.csv"
    fields = ['"' + text.replace('"', '""') + '"' for text in texts]
    path.write_text("u,i,t,r\n" + "".join(f"{field},x,5,1\n" for field in fields))
    assert [event[0] for event in read(path, Delimited(","))[0]] == texts


@pytest.mark.parametrize("family", FAMILIES)
def test_files_without_events_are_refused(family: str, tmp_path: Path):
    text, path = FAMILIES[family], tmp_path / "events.txt"
    for content in ("", "\n \n", "\n".join(text.head), "\n".join([*text.head, ""])):
        for data in (content.encode(), gzip.compress(content.encode())):
            path.write_bytes(data)
            refused(path, text.form)


@pytest.mark.parametrize("family", FAMILIES)
@many
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_cut_off_gzip_file_is_refused(family: str, share: float, tmp_path: Path):
    text, path = FAMILIES[family], tmp_path / "events.gz"
    whole = gzip.compress("\n".join(text.lines() * 50).encode(), mtime=0)
    path.write_bytes(whole[: max(2, int(share * len(whole)))])
    refused(path, text.form)


@pytest.mark.parametrize("family", FAMILIES)
def test_another_encoding_is_refused_or_read_as_what_it_is(family: str, tmp_path: Path):
    text, path = FAMILIES[family], tmp_path / "events.txt"
    content = "\n".join(text.lines())
    for encoding in ("latin-1", "utf-16"):
        path.write_bytes(content.encode(encoding))
        refused(path, text.form)
    if isinstance(text.form, Delimited):
        form = text.form
        for encoding in ("latin-1", "cp1252"):
            path.write_bytes(content.encode(encoding))
            other = Delimited(form.separator, form.names, encoding, form.quoted)
            assert read(path, other) == (LOADED, {})


@pytest.mark.parametrize("family", FAMILIES)
def test_times_of_two_clocks_are_refused(family: str, tmp_path: Path):
    text, path = FAMILIES[family], tmp_path / "events.txt"
    rows = [dict(zip(NAMES, (u, i, 10**9 + t, r), strict=True)) for u, i, t, r in ROWS[:20]]
    late = [row | {"t": row["t"] * 1000} for row in rows]
    path.write_text("\n".join([*text.head, *map(text.line, rows + late)]))
    assert "times in two units" in refused(path, text.form, unit="auto")


def parquet(frame: pl.DataFrame) -> bytes:
    out = io.BytesIO()
    frame.write_parquet(out)
    return out.getvalue()


FRAME = pl.DataFrame(ROWS, schema=list(NAMES), orient="row")
COLUMNS = {
    "no user": ("missing id", "u", None, pl.String),
    "empty item": ("missing id", "i", "", pl.String),
    "no number for a user": ("missing id", "u", float("nan"), pl.Float64),
    "word for a time": ("unparsable time", "t", "soon", pl.String),
    "no time": ("unparsable time", "t", None, pl.Int64),
    "NaN time": ("unparsable time", "t", float("nan"), pl.Float64),
    "infinite time": ("unparsable time", "t", float("inf"), pl.Float64),
    "huge time": ("unparsable time", "t", 2**127 - 1, pl.Int128),
    "NaN rating": ("NaN or unparsable rating", "r", float("nan"), pl.Float64),
    "infinite rating": ("NaN or unparsable rating", "r", float("inf"), pl.Float32),
    "no rating": ("NaN or unparsable rating", "r", None, pl.Int8),
}


@pytest.mark.parametrize("fault", COLUMNS)
@many
@given(where=st.sets(st.integers(0, len(ROWS) - 1), min_size=1, max_size=20))
def test_malformed_rows_of_parquet_are_counted(fault: str, where: set[int], tmp_path: Path):
    reason, column, value, dtype = COLUMNS[fault]
    good = (
        FRAME[column].str.strip_chars("u")
        if dtype == pl.Float64 and column == "u"
        else FRAME[column]
    )
    values = good.cast(dtype).to_list()
    for at in where:
        values[at] = value
    path = tmp_path / "events.parquet"
    path.write_bytes(parquet(FRAME.with_columns(pl.Series(column, values, dtype=dtype))))
    events, rejected = read(path, Parquet())
    assert rejected == {reason: len(where)}
    assert [e[1:3] for e in events] == [e[1:3] for n, e in enumerate(LOADED) if n not in where]


@many
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_cut_off_parquet_file_is_refused(share: float, tmp_path: Path):
    path, whole = tmp_path / "events.parquet", parquet(FRAME)
    path.write_bytes(whole[: int(share * len(whole))])
    refused(path, Parquet())


def test_a_parquet_file_without_rows_or_with_lists_is_refused(tmp_path: Path):
    path = tmp_path / "events.parquet"
    for frame in (FRAME.head(0), FRAME.with_columns(pl.concat_list("i")), FRAME.drop("t")):
        path.write_bytes(parquet(frame))
        refused(path, Parquet())


RUBBISH = [b"", b'"', b"\xff", b"\0", b"\r", b"\xef\xbb\xbf", b"nan", b"\x1f\x8b", b"{", b"\n,\n"]


@pytest.mark.slow
@pytest.mark.parametrize("family", [*FAMILIES, "sequences"])
@settings(many, max_examples=25)
@given(data=st.data())
def test_any_other_damage_is_refused_by_name_or_read(
    family: str, data: st.DataObject, tmp_path: Path
):
    text = FAMILIES.get(family)
    whole = "\n".join(text.lines()).encode() if text else SEQUENCES
    whole = data.draw(st.sampled_from([whole, gzip.compress(whole, mtime=0)]))
    at, length = data.draw(st.integers(0, len(whole))), data.draw(st.integers(0, 20))
    other = data.draw(st.sampled_from(RUBBISH) | st.binary(max_size=30))
    path = tmp_path / "damaged"
    path.write_bytes(whole[:at] + other + whole[at + length :])
    try:
        if text:
            read(path, text.form, data.draw(st.sampled_from(["auto", "s", "iso"])))
        else:
            sequences(path)
    except SeqrecError as error:
        assert path.name in str(error)
