"""Published files that aren't in their published form: said, or counted, or read all the same."""

import io
from collections import Counter
from pathlib import Path

import polars as pl
import pytest
from helpers.published import published
from helpers.spoiled import KINDS, damaged

from seqrec.errors import DataError
from seqrec.raw.source import Interactions

PUBLISHED = published()
HARMLESS = {"gzip", "a blank first line", "a blank line", "no last line end", "CRLF", "CR",
            "a byte order mark", "UTF-8"}  # fmt: skip
ONE_CHANGED = {  # kinds that may change one row in a way that nobody can see
    "all but five bytes": "the last value is shorter",
    "half": "so it may be, where the file is cut",
    "NaN": "it is an id that no event has",
}
FEWER_COLUMNS = {"no last column"}  # where the file can do without it, rows are shorter
ALWAYS = ("a Git LFS pointer", "an HTML page")
SHARE = 4  # every source is tried with each fourth kind, and every kind with each fourth source


def read(name: str, folder: Path) -> Interactions:
    return PUBLISHED[name].make(raw_dir=str(folder), max_bad_rows=0.2).read()


def tables(data: Interactions) -> list[Counter[str]]:
    """Return the rows of the events, items and users, as text."""
    frames = [
        frame.collect() for frame in (data.events, data.items, data.users) if frame is not None
    ]
    return [Counter(map(str, frame.rows())) for frame in frames]


@pytest.fixture(scope="session")
def good(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, list[Counter[str]]]]:
    """A folder of good files for every source, and what is read from it."""
    folders = {}
    for name, source in PUBLISHED.items():
        folder = tmp_path_factory.mktemp(name)
        for file, content in source.files.items():
            (folder / file).write_bytes(content)
        data = read(name, folder)
        assert not data.rejected
        folders[name] = folder, tables(data)
    return folders


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        (name, kind)
        for at, name in enumerate(PUBLISHED)
        for turn, kind in enumerate(KINDS)
        if kind in ALWAYS or (at + turn) % SHARE == 0
    ],
)
def test_damage_is_told_or_counted(name: str, kind: str, good, capsys: pytest.CaptureFixture):
    folder, expected = good[name]
    for file, content in PUBLISHED[name].files.items():
        spoiled = damaged(PUBLISHED[name], file, kind)
        if spoiled is None or spoiled == content:
            continue
        (folder / file).write_bytes(spoiled)
        try:
            data = read(name, folder)
            got = tables(data)
        except DataError as error:
            assert kind not in HARMLESS, error
            assert file in str(error)
            assert error.todo or "data.raw_dir" in str(error)
            continue
        finally:
            (folder / file).write_bytes(content)
        told = sum(data.rejected.values()) > 0 or "skipped" in capsys.readouterr().err
        if kind in FEWER_COLUMNS or (name == "mind" and told):  # times of histories shift
            continue
        for rows, all_rows in zip(got, expected, strict=True):
            allowed = int(kind in ONE_CHANGED)
            assert (rows - all_rows).total() <= allowed
            assert told or (all_rows - rows).total() <= allowed or kind == "half"


@pytest.mark.parametrize("name", ["complete_journey", "ebnerd", "yambda"])
def test_damage_inside_of_a_parquet_file_is_told(name: str, good):
    folder, _ = good[name]
    for file, content in PUBLISHED[name].files.items():
        third = len(content) // 3
        empty = io.BytesIO()
        pl.read_parquet(content).clear().write_parquet(empty)
        for spoiled in (content[:4] + bytes(third) + content[4 + third :], empty.getvalue()):
            (folder / file).write_bytes(spoiled)
            with pytest.raises(DataError, match=file):
                tables(read(name, folder))
        (folder / file).write_bytes(content)
