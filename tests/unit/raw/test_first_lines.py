"""First lines, separators and encodings of delimited text, and hints that do what they say."""

import re
import shlex
from pathlib import Path

import polars as pl
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from seqrec.data.files import Files
from seqrec.errors import ConfigError, DataError

NAMES = ["user_id", "item_id", "timestamp"]
ROWS = [[f"ü{n % 3}", f"i {n % 2}", str(1_700_000_000 + n)] for n in range(9)]


def text(separator: str, *, before: str = "", end: str = "\n", header: bool = True) -> str:
    rows = [NAMES, *ROWS] if header else ROWS
    return before + "".join(separator.join(row) + end for row in rows)


def read(folder: Path, content: str, encoding: str = "utf-8", **options: object) -> list[list[str]]:
    path = folder / "events.csv"
    path.write_bytes(content.encode(encoding))
    events = Files(path=str(path), **options).read().events.collect()  # type: ignore[arg-type]
    seconds = (events["timestamp"] // 1000).cast(pl.String)
    return [list(row) for row in events.with_columns(timestamp=seconds).rows()]


def told(folder: Path, content: str, **options: object) -> dict[str, str]:
    """Return the overrides that the message of a refusal tells one to type."""
    with pytest.raises(DataError) as refused:
        read(folder, content, **options)
    todo = str(refused.value).split("fix: ")[1]
    typed = [
        word for word in shlex.split(re.sub(r" \((null|the columns).*", "", todo)) if "=" in word
    ]
    parsed = OverridesParser.create().parse_overrides(typed)
    return {p.key_or_group.removeprefix("data."): p.value() for p in parsed}


BEFORE = {
    "blank": "\n",
    "several blank": " \n\r\n\n",
    "comments": "# made on Monday\n# by me, at home, for you\n\n",
    "sep": "sep={0}\r\n",
    "BOM and sep": "\ufeffsep={0}\n",
    "BOM and blank": "\ufeff\n",
}


@pytest.mark.parametrize("before", BEFORE.values(), ids=BEFORE)
@pytest.mark.parametrize("separator", [",", ";", "\t", "|", "::"])
def test_what_stands_before_the_header_is_read_over(before, separator, tmp_path):
    assert read(tmp_path, text(separator, before=before.format(separator))) == ROWS


def test_a_header_that_is_marked_as_a_comment_is_a_header(tmp_path):
    content = "#" + text(",")
    assert read(tmp_path, content, user="#user_id") == ROWS


@pytest.mark.parametrize("end", [",\n", ",\r\n"])
def test_a_separator_at_the_end_is_no_column(end, tmp_path):
    assert read(tmp_path, text(",", end=end)) == ROWS
    assert read(tmp_path, text(",").replace("timestamp", "timestamp,", 1)) == ROWS
    assert read(tmp_path, text(",", end=end).replace(end, "\n", 1)) == ROWS


def test_names_with_spaces_are_split_at_commas(tmp_path):
    content = "Customer ID,Product Name,Order Date\nc1,Red Shoe,2023-11-14 22:13:20\n"
    given = told(tmp_path, content)
    assert given == {"user": "Customer ID", "item": "Product Name", "timestamp": "Order Date"}
    assert read(tmp_path, content, **given) == [["c1", "Red Shoe", "1700000000"]]


@pytest.mark.parametrize("content", ["1;1,5;3\n2;2,5;4\n", "a::b::c\nd::e f::g, h\n", "a b c\n"])
def test_the_separator_is_what_makes_all_lines_as_wide(content, tmp_path):
    path = tmp_path / "e.csv"
    path.write_text(content)
    source = Files(path=str(path), user=1, item=2, timestamp=None, header=False)
    assert len(source._format(path, header=False).columns(path)) == 3


def test_a_tab_may_be_written_as_two_characters(tmp_path):
    assert read(tmp_path, text("\t"), separator="\\t") == ROWS
    for separator in ("\n", '"'):
        with pytest.raises(ConfigError, match="can't separate columns"):
            read(tmp_path, text(","), separator=separator)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_wide_text_is_read_by_name_and_recognised_without(encoding, tmp_path):
    with pytest.raises(DataError, match=rf"is {encoding} text(.|\n)*data.encoding={encoding}"):
        read(tmp_path, text(","), encoding)
    path = tmp_path / "events.csv"
    source = Files(path=str(path), encoding=encoding)
    assert source.read().events.collect()["user"].to_list() == [row[0] for row in ROWS]


@pytest.mark.parametrize(
    ("written", "claimed", "hint"),
    [
        ("cp1252", "utf-8", "cp1252"),
        ("cp1252", "latin-1", "cp1252"),
        ("utf-8", "latin-1", "utf-8"),
        ("utf-8", "cp1252", "utf-8"),
    ],
)
def test_text_is_never_decoded_wrongly(written, claimed, hint, tmp_path):
    path = tmp_path / "events.csv"
    path.write_bytes(text(",").replace("i 0", "it\u2019s").encode(written))
    with pytest.raises(DataError, match=f"not {claimed} text(.|\n)*data.encoding={hint}"):
        Files(path=str(path), encoding=claimed).read()
    events = Files(path=str(path), encoding=hint).read().events.collect()
    assert events["item"][0] == "it\u2019s"


def test_a_file_without_header_names_the_keys_that_read_it(tmp_path):
    content = text("\t", header=False)
    given = told(tmp_path, content)
    assert given == {"header": False, "user": 1, "item": 2, "timestamp": 3}
    assert read(tmp_path, content, **given) == ROWS
    without = told(tmp_path, "1,5\n2,6\n")
    assert without == {"header": False, "user": 1, "item": 2, "timestamp": None}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("1 2 3 4\n2 3\n3 4 5 6 7\n", "data=sequences"),
        ("user_id,item_id\na,x\n", r"data\.timestamp=null"),
        ("Sales of 2024\n\n" + text(","), "delete the lines before the header"),
        ("a,b,time\n1,2,3\n", r"data\.user=COLUMN data\.item=COLUMN data\.timestamp=time"),
    ],
)
def test_hints_fit_what_the_file_is(content, words, tmp_path):
    (tmp_path / "e.txt").write_text(content)
    with pytest.raises(DataError, match=words):
        Files(path=str(tmp_path / "e.txt")).read()


@pytest.mark.parametrize("name", ["a,b", "it's", "null", "a (b)", "${x}", " a", "x=y", "[1]"])
def test_a_hint_can_be_typed_whatever_the_column_is_called(name, tmp_path):
    header = '"' + name.replace('"', '""') + '"'
    content = f"{header},sku,when\na,x,1700000000\n"
    given = told(tmp_path, content.replace(header, f'"user {name}"'))
    assert given["user"] == f"user {name}".strip()
