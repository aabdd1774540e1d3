"""Tables of items and users go through the same two readers as events."""

import json
from pathlib import Path

import polars as pl
import pytest

from seqrec.data.files import Files
from seqrec.errors import DataError
from seqrec.raw.parse import read, table

GOOD = "".join(f"i{n},Title {n}\n" for n in range(99))


def items(folder: Path, name: str, content: bytes, **options: object) -> list[tuple]:
    (folder / name).write_bytes(content)
    (folder / "e.csv").write_text("user_id,item_id\na,i1\n")
    source = Files(raw_dir=str(folder), path="e.csv", timestamp=None, items_path=name, **options)  # type: ignore[arg-type]
    found = source.read().items
    assert found is not None
    return found.collect().rows()


@pytest.mark.parametrize(
    ("line", "title", "said"),
    [
        ('x,5" pipe', '5" pipe', ""),
        ('x,"a" b', "a b", ""),
        ('x,"two\nlines"', "two\nlines", ""),
        ("x,One,more", None, "1 wrong column count"),
        (",nameless", None, "1 missing id"),
        ("x", None, "1 wrong column count"),
    ],
)
def test_odd_rows_are_read_or_left_out_with_a_note(line, title, said, tmp_path, capsys):
    rows = items(tmp_path, "i.csv", f"\ufeffitem_id,title\n{line}\n{GOOD}".encode())
    assert rows[-99:] == [(f"i{n}", f"Title {n}") for n in range(99)]
    assert rows[:-99] == ([("x", title)] if title else [])
    note = " ".join(capsys.readouterr().err.split())
    assert (f"skipped 1 of 100 rows of i.csv: {said}" in note) if said else not note


def test_a_broken_line_of_json_costs_one_item(tmp_path, capsys):
    lines = [json.dumps({"item_id": n, "title": f"T{n}"}) for n in range(120)]
    rows = items(tmp_path, "i.jsonl", "\n".join([*lines, '{"item_id": 5,']).encode())
    assert len(rows) == 120 and rows[7] == ("7", "T7")
    assert "1 broken JSON" in " ".join(capsys.readouterr().err.split())


def test_lists_are_kept(tmp_path):
    frame = pl.DataFrame({"item_id": ["a", None], "title": ["A", "B"], "tags": [["x", "y"], []]})
    frame.write_parquet(tmp_path / "p.parquet")
    content = (tmp_path / "p.parquet").read_bytes()
    rows = items(tmp_path, "i.parquet", content, max_bad_rows=0.5)
    assert rows == [("a", "A", ["x", "y"])]
    text = b'{"item_id": "a", "title": "A", "tags": ["x", "y"]}\n'
    for broken in (b"", b"{\n"):
        assert items(tmp_path, "i.jsonl", text + broken, max_bad_rows=0.5)[0][2] == ["x", "y"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("i.csv", "item_id,title\n" + GOOD),
        ("i.csv", 'item_id,title\n"a, b","say ""hi"""\n"c","two\nlines, of text"\n' + GOOD),
        ("i.tsv", "# a comment\n\nitem_id\ttitle\n" + GOOD.replace(",", "\t")),
        ("i.dat", "item_id::title\n" + GOOD.replace(",", "::")),
        ("i.jsonl", '{"item_id": 7.0, "title": "T", "tags": [1, "x"]}\n' * 3),
        ("i.json", '[{"item_id": 7.0, "title": "T"},\n {"item_id": 8, "title": "U"}]'),
    ],
)
def test_clean_files_need_no_closer_look(name, content, tmp_path, monkeypatch):
    def no_look(*_: object) -> None:
        raise AssertionError(f"{name} was read row by row")

    monkeypatch.setattr(table, "_careful", no_look)
    monkeypatch.setattr(read, "_careful", no_look)
    assert items(tmp_path, name, content.encode())
    (tmp_path / "events").write_bytes(content.encode())
    path = (tmp_path / "events").rename(tmp_path / name)
    assert Files(path=str(path), user="title", item="item_id", timestamp=None).read().rejected == {}


def test_a_table_without_ids_is_refused_with_its_lines(tmp_path):
    with pytest.raises(DataError, match=r"2 of 2 rows of i\.csv(.|\n)*line 3 \(missing id\)"):
        items(tmp_path, "i.csv", b"item_id,title\n ,a\n,b\n")
