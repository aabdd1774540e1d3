"""JSON of any layout: the same rows, and values as text by one rule."""

import json
from pathlib import Path

import polars as pl
import pytest

from seqrec.data.files import Files
from seqrec.errors import DataError
from seqrec.raw.parse.derived import Derived
from seqrec.raw.parse.formats import JsonLines

ROWS = [
    {"u": f"a{n % 3}", "i": n % 5, "t": 1_700_000_000 + n, "more": {"x": [n]}} for n in range(9)
]
LAYOUTS = {
    "lines": "\n".join(map(json.dumps, ROWS)),
    "lines with commas": ",\n".join(map(json.dumps, ROWS)) + ",\n",
    "all in one line": "".join(map(json.dumps, ROWS)),
    "array": json.dumps(ROWS),
    "array of lines": "[\n" + ",\n".join(map(json.dumps, ROWS)) + "\n]\n",
    "pretty array": "\ufeff" + json.dumps(ROWS, indent=2),
    "pretty objects": "\n".join(json.dumps(row, indent=1) for row in ROWS),
    "pretty objects, CRLF": "\r\n".join(json.dumps(row, indent="\t") for row in ROWS),
}


def source(path: Path, text: str, **options: object) -> Files:
    path.write_text(text)
    return Files(path=str(path), user="u", item="i", timestamp="t", **options)  # type: ignore[arg-type]


def events(path: Path, text: str, **options: object) -> tuple[list[tuple], dict[str, int]]:
    found = source(path, text, **options).read()
    return found.events.collect().rows(), found.rejected


@pytest.mark.parametrize("name", ["e.json", "e.jsonl", "e.txt"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_objects_are_read_however_they_are_laid_out(layout, name, tmp_path):
    expected = [(row["u"], str(row["i"]), row["t"] * 1000) for row in ROWS]
    assert events(tmp_path / name, LAYOUTS[layout]) == (expected, {})


@pytest.mark.parametrize("layout", ["lines", "array of lines", "pretty array", "pretty objects"])
def test_a_broken_object_is_one_bad_row(layout, tmp_path):
    text = LAYOUTS[layout].replace("1700000004", "17oo")
    rows, rejected = events(tmp_path / "e.json", text, max_bad_rows=0.2)
    assert len(rows) == 8 and rejected == {"broken JSON": 1}
    line = text[: text.index("17oo")].count("\n") + 1
    with pytest.raises(DataError, match=rf"line {line if 'lines' in layout else ''}"):
        events(tmp_path / "e.json", text)


def test_an_array_that_is_cut_off_loses_only_its_end(tmp_path):
    rows, rejected = events(tmp_path / "e.json", LAYOUTS["array"][:-30], max_bad_rows=0.2)
    assert len(rows) == 8 and rejected == {"broken JSON": 1}


def test_deep_nesting_is_one_bad_row(tmp_path):
    deep = '{"u": ' + "[" * 2000 + "]" * 2000 + "}"
    for text in (LAYOUTS["lines"] + "\n" + deep, f"[{LAYOUTS['array'][1:-1]}, {deep}]"):
        rows, rejected = events(tmp_path / "e.json", text, max_bad_rows=0.2)
        assert len(rows) == 9 and rejected == {"broken JSON": 1}


@pytest.mark.parametrize("broken", ["", '\n{"u": 1, '])
@pytest.mark.parametrize(
    ("token", "text"),
    [
        ("7.0", "7"),
        ("1e3", "1000"),
        ("-0", "0"),
        ("0.10", "0.1"),
        ("1e22", "10000000000000000000000"),
        ("12345678901234567890123", "12345678901234567890123"),
        ("true", "true"),
        ('"7.0"', "7.0"),
        ('"[x]"', "[x]"),
        ("1e400", None),
        ("NaN", None),
        ('"\\ud800"', None),
        ("[7]", None),
        ('7, "i": 8', "7"),
    ],
)
def test_an_id_is_the_same_text_in_a_clean_and_a_broken_file(token, text, broken, tmp_path):
    line = '{"u": "a", "t": 1700000000, "i": %s}'
    content = "\n".join([line % '"x"', line % token, line % '"y"']) + broken
    rows, _ = events(tmp_path / "e.jsonl", content, max_bad_rows=0.9)
    assert [row[1] for row in rows] == ["x", *([text] if text else []), "y"]


def test_keys_may_first_appear_late(tmp_path):
    early = "\n".join(['{"u": "a", "t": 1700000000}'] * 150)
    rows, rejected = events(tmp_path / "e.jsonl", f"{early}\n{LAYOUTS['lines']}", max_bad_rows=0.99)
    assert len(rows) == 9 and rejected == {"missing id": 150}
    items = tmp_path / "i.jsonl"
    plain = "".join(f'{{"item_id": {n}}}\n' for n in range(150))
    for broken in ("", "{\n"):
        items.write_text(plain + '{"item_id": 7.0, "title": "T", "tags": ["a", 1.0]}\n' + broken)
        table = source(tmp_path / "e.jsonl", LAYOUTS["lines"], items_path=str(items)).read().items
        assert table.collect().row(-1) == ("7", "T", ["a", "1"])


def test_computed_columns_keep_keys_that_appear_late(tmp_path):
    path = tmp_path / "e.jsonl"
    path.write_text('{"u": "a"}\n' * 150 + '{"u": "a", "late": 7.0}\n')
    form = Derived(JsonLines(), {"twice": pl.col("u") + pl.col("u")})
    assert list(form.rows(path))[-1].values == {"u": "a", "late": "7", "twice": "aa"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{'u': 1, 'i': None}\n", "Python literals(.|\n)*ast.literal_eval"),
        ("u,i,t\n1,2,3\n", r"holds no JSON object(.|\n)*\.csv"),
        ('{"events": [{"u": 1, "i": 2, "t": 3}]}', "with its rows in 'events'"),
        ('{"u": {"0": 1}, "i": {"0": 2}, "t": {"0": 3}}', "column u holds lists or objects"),
    ],
)
def test_what_is_no_list_of_objects_is_named(text, words, tmp_path):
    with pytest.raises(DataError, match=words):
        source(tmp_path / "e.json", text).read()
