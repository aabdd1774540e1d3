"""Quoted cells: as a spreadsheet reads them, or refused with the line of the open quote."""

from pathlib import Path

import pytest

from seqrec.data.files import Files
from seqrec.errors import ConfigError, DataError

ROWS = [(str(n % 7), str(n % 5), str(1_700_000_000 + n), f"note {n}") for n in range(40)]
NAMES = ("user_id", "item_id", "timestamp", "note")


def source(folder: Path, separator: str, notes: dict[int, str], **options: object) -> Files:
    """Write the rows, with other notes (as they stand in the file) in some of them."""
    lines = [separator.join((*row[:3], notes.get(n, row[3]))) for n, row in enumerate(ROWS)]
    (folder / "events.csv").write_text("\n".join([separator.join(NAMES), *lines, ""]))
    return Files(raw_dir=str(folder), path="events.csv", context=["note"], **options)  # type: ignore[arg-type]


def notes(files: Files) -> list[str]:
    return files.read().events.collect()["note"].to_list()


STRAY = {
    "one": ({5: '"abc'}, 7, None),
    "two": ({5: '"abc', 9: '"def'}, 7, None),
    "one that opens and one that closes": ({5: '"abc', 9: 'def"'}, 7, None),
    "a cell and a stray": ({5: '"abc', 9: '"fine"'}, 7, None),
    "in the last line": ({39: '"abc'}, 41, "never closed"),
}


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize(("strays", "line", "words"), STRAY.values(), ids=STRAY)
def test_a_quote_never_swallows_rows(strays, line, words, separator, tmp_path):
    text = [strays.get(n, row[3]) for n, row in enumerate(ROWS)]
    with pytest.raises(
        DataError, match=f"quote in line {line} of .* {words or 'reads like a row'}"
    ):
        source(tmp_path, separator, strays).read()
    assert notes(source(tmp_path, separator, strays, quote="none")) == text


@pytest.mark.parametrize("kind", ["items", "users"])
def test_tables_of_items_and_users_are_as_safe(kind, tmp_path):
    (tmp_path / "e.csv").write_text("user_id,item_id\n1,1\n")
    (tmp_path / "t.csv").write_text(f'{kind[:-1]}_id,title\n1,"One\n2,Two"\n3,Three\n')
    given = {"path": "e.csv", "raw_dir": str(tmp_path), "timestamp": None, f"{kind}_path": "t.csv"}
    with pytest.raises(DataError, match="quote in line 2"):
        Files(**given).read()
    table = getattr(Files(**given, quote="none").read(), kind).collect()
    assert table["title"].to_list() == ['"One', 'Two"', "Three"]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ('5" pipe', '5" pipe'),
        ('"a" b', "a b"),
        ('"x, ; \t y"', "x, ; \t y"),
        ('"say ""hi"""', 'say "hi"'),
        ('"two\nlines, of prose"', "two\nlines, of prose"),
        ('"one\r\n\r\nthree"', "one\r\n\r\nthree"),
        ('""', None),
        ('"""', None),
        ("x" * 140_000, "x" * 140_000),
        (f'"{"x," * 70_000}"', "x," * 70_000),
    ],
    ids=[
        "inch",
        "text after a quote",
        "separators",
        "doubled",
        "line end",
        "line ends",
        "empty",
        "three",
        "long",
        "long and quoted",
    ],
)
def test_cells_are_read_as_a_spreadsheet_reads_them(written, read, tmp_path):
    files = source(tmp_path, ",", {7: written})
    if written == '"""':
        with pytest.raises(DataError, match="quote in line 9"):
            files.read()
    else:
        expected = [read if n == 7 else row[3] for n, row in enumerate(ROWS)]
        assert notes(files) == expected


@pytest.mark.parametrize("at", [0, 2, 3])
def test_prose_in_every_row_is_no_row(at, tmp_path):
    prose = "Really great\nI liked it, and so on, yes, we do\nI, bought, two, more\nBye"
    rows = [[*row[:3]] for row in ROWS]
    for row in rows:
        row.insert(at, f'"{prose}"')
    names = list(NAMES[:3])
    names.insert(at, "note")
    (tmp_path / "e.csv").write_text("\n".join(map(",".join, [names, *rows])))
    assert notes(Files(path=str(tmp_path / "e.csv"), context=["note"])) == [prose] * len(ROWS)


def test_lines_of_a_cell_may_be_said_to_be_text(tmp_path):
    inner = "as in\n1,2,3,4\nof the book"
    with pytest.raises(DataError, match=r"data\.quote=double if that cell does"):
        source(tmp_path, ",", {7: f'"{inner}"'}).read()
    assert notes(source(tmp_path, ",", {7: f'"{inner}"'}, quote="double"))[7] == inner


def test_an_unknown_quote_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="there is no quote 'single'"):
        Files(path="e.csv", quote="single")
