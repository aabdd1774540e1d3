"""Generated damage over all readers: rows and counted faults, or a refusal in words."""

import gzip
import io
import json
import random
from pathlib import Path

import polars as pl
import pytest

from seqrec.data.files import Files
from seqrec.errors import SeqrecError

INPUTS = 12  # of each format
NAMES = ["user_id", "item_id", "timestamp", "title"]
ROWS = [(f"u{n % 4}", f"i{n}", str(1_700_000_000 + n), f"Ä, {n} \u201ca\u201d") for n in range(12)]


def delimited(separator: str) -> str:
    cells = [[f'"{cell}"' if separator in cell else cell for cell in row] for row in ROWS]
    return "\n".join(separator.join(row) for row in [NAMES, *cells]) + "\n"


def objects() -> list[dict]:
    return [dict(zip(NAMES, row, strict=True)) for row in ROWS]


def parquet() -> bytes:
    out = io.BytesIO()
    pl.DataFrame(objects()).write_parquet(out)
    return out.getvalue()


WHOLE = {
    "comma.csv": delimited(",").encode(),
    "tab.tsv": delimited("\t").encode(),
    "semicolon.csv.gz": gzip.compress(delimited(";").encode(), mtime=0),
    "colons.dat": delimited("::").encode(),
    "wide.csv": delimited(";").encode("utf-16"),
    "lines.jsonl": "\n".join(map(json.dumps, objects())).encode(),
    "array.json": json.dumps(objects()).encode(),
    "pretty.json": json.dumps(objects(), indent=1, ensure_ascii=False).encode(),
    "table.parquet": parquet(),
}
RUBBISH = [
    *(b'"', b'"a', b"'", b"::", b",", b";", b"\t", b"#", b"sep=;\n", b" ", b"{", b"}", b"[", b"]"),
    *(b"\n", b"\r", b"\r\n", b"\x85", b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"\xc3"),
    *(b"\xe2\x80\xa8", b"\\", b"\\ud800", b"1e999", b"NaN", b"\x1f\x8b", b"PAR1", b"<html>"),
    *(b"[" * 1500, b"9" * 400, b"x" * 200_000),
]  # fmt: skip


def damaged(whole: bytes, draw: random.Random) -> bytes:
    """Return a file with one to three things wrong in it."""
    for _ in range(draw.randint(1, 3)):
        at, length = draw.randint(0, len(whole)), draw.choice([0, 0, 1, 5, 40])
        kind = draw.choice(["put", "put", "put", "cut", "twice", "swap", "end"])
        if kind == "put":
            whole = whole[:at] + draw.choice(RUBBISH) + whole[at + length :]
        elif kind == "cut":
            whole = whole[:at]
        elif kind == "twice":
            whole = whole + whole[draw.choice([0, at]) :]
        elif kind == "swap":
            lines = whole.split(b"\n")
            draw.shuffle(lines)
            whole = b"\n".join(lines)
        else:
            whole = whole.replace(b"\n", draw.choice([b"\r\n", b"\r", b"\n\n", b",\n"]))
    return whole


def options(draw: random.Random) -> dict:
    """Return settings that may or may not fit."""
    return {
        "separator": draw.choice(["auto", "auto", ",", ";", "\\t", "::"]),
        "quote": draw.choice(["auto", "auto", "none", "double"]),
        "encoding": draw.choice(["utf-8", "utf-8", "utf-16", "latin-1", "cp1252"]),
        "timestamp": draw.choice(["timestamp", "timestamp", None]),
        "max_bad_rows": draw.choice([1.0, 0.5]),
    }


@pytest.mark.parametrize("name", WHOLE)
def test_damage_is_counted_or_refused(name: str, tmp_path: Path):
    for seed in range(INPUTS):
        draw = random.Random(f"{name} {seed}")
        (tmp_path / name).write_bytes(damaged(WHOLE[name], draw))
        (tmp_path / "good.csv").write_bytes(WHOLE["comma.csv"])
        names = draw.choice(
            [(name, None, None), ("good.csv", name, None), ("good.csv", None, name)]
        )
        paths = dict(zip(("path", "items_path", "users_path"), names, strict=True))
        try:
            found = Files(raw_dir=str(tmp_path), **paths, **options(draw)).read()
        except SeqrecError as error:
            assert "fix:" in str(error) or "has no rows" in str(error) or "empty" in str(error)
            continue
        assert len(found.events.collect()) or sum(found.rejected.values())
        for table in (found.items, found.users):
            assert table is None or table.collect().width


@pytest.mark.parametrize("name", ["comma.csv", "tab.tsv", "colons.dat", "lines.jsonl"])
def test_no_row_is_lost_without_a_word(name: str, tmp_path: Path):
    path = tmp_path / name
    for seed in range(INPUTS):
        draw = random.Random(f"lost {name} {seed}")
        lines = WHOLE[name].decode().splitlines()
        first = 0 if name == "lines.jsonl" else 1
        for at in draw.sample(range(first, len(lines)), 2):
            where = draw.randint(0, len(lines[at]))
            put = draw.choice(['"', '"a', 'a"', '""', "{", ",", "\t", "[", "x", "#", "\\"])
            lines[at] = lines[at][:where] + put + lines[at][where:]
        path.write_text("\n".join(lines))
        try:
            found = Files(path=str(path), max_bad_rows=1.0).read()
        except SeqrecError as error:
            assert "quote in line" in str(error)
        else:
            assert len(found.events.collect()) + sum(found.rejected.values()) == len(ROWS)
