"""The fast and the careful way to read a file: the same rows, the same faults."""

import gzip
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seqrec.errors import DataError
from seqrec.raw.parse import read, table
from seqrec.raw.parse.clock import Clock
from seqrec.raw.parse.context import Context
from seqrec.raw.parse.formats import Delimited, Format, JsonLines

COLUMNS = {"user": "u", "item": "i", "timestamp": "t"}
CONTEXT = {"c": Context("c"), "n": Context("n", "number")}
NAMES = ["u", "i", "t", "c", "n"]
bounded = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def events(path: Path, form: Format) -> bool:
    """Hold both ways to read events to each other; return whether the fast one was enough."""
    if not set(NAMES) <= set(form.columns(path, whole=True)):
        return False
    file = read._File(path, form, COLUMNS, CONTEXT, 1.0)
    fast = read._fast(file, Clock("s"))
    if fast is None:
        return False
    careful = read._careful(file, Clock("s"))
    quick, slow = fast[0].collect(), careful[0].collect()
    assert quick.cast({"user": pl.String, "item": pl.String}).rows() == slow.rows()
    assert fast[1] == careful[1]
    return True


def items(path: Path, form: Format) -> bool:
    """Hold both ways to read a table to each other; return whether the fast one was enough."""
    if "i" not in (names := form.columns(path, whole=True)):
        return False
    fast = table._fast(path, form, "i", names)
    if fast is None:
        return False
    careful, faults, total = table._careful(path, form, "i", names, 1.0)
    assert total == len(fast) and set(faults) <= {"missing id"}
    known = fast.filter(fast["i"].fill_null("").str.strip_chars() != "")
    assert known.with_columns(empty(known)).rows() == careful.with_columns(empty(careful)).rows()
    return True


def empty(frame: pl.DataFrame) -> pl.Expr:
    return (
        pl.when(pl.col(frame.columns).str.strip_chars() != "")
        .then(pl.col(frame.columns))
        .name.keep()
    )


CELLS = [
    *("a", "7", "7.0", "1e3", "", "", " ", " b ", "é", "nan", "-5", "[x]", "#"),
    *("b\rc", "x\u2028y", "\ufeff", "\"", '"z'),
    *('""', '"x"', '"x""y"', '"x,;\ty"', '"x\ny"', '"x\r\ny"', '5" pipe', '"a" b'),
]  # fmt: skip
ENDS = ["\n", "\n", "\n", "\r\n", "\n\n", "\n \n"]
clean_row = st.tuples(*[st.sampled_from([c for c in CELLS if c.strip('" \r') == c])] * 5)
any_row = st.lists(st.sampled_from(CELLS), min_size=4, max_size=6)
HEADS = ["", "\ufeff", "\n", "sep={0}\n", "# made by hand\n", "#a{0}b\n\n"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["clean", "broken", "unquoted", "bare"])
@bounded
@given(data=st.data())
def test_delimited_text_is_read_alike(kind: str, data: st.DataObject, tmp_path: Path):
    separator = data.draw(st.sampled_from([",", ";", "\t", " ", "::"]))
    rows = data.draw(st.lists(clean_row if kind == "clean" else any_row, max_size=6))
    ends = [data.draw(st.sampled_from(ENDS[:3] if kind == "clean" else ENDS)) for _ in rows]
    lines = [separator.join(row) + end for row, end in zip(rows, ends, strict=True)]
    header = "" if kind == "bare" else separator.join(NAMES) + data.draw(st.sampled_from(ENDS))
    text = data.draw(st.sampled_from(HEADS)).format(separator) + header + "".join(lines)
    text = text.removesuffix("\n") if data.draw(st.booleans()) else text
    content = text.encode()
    path = tmp_path / "events.csv"
    path.write_bytes(gzip.compress(content) if data.draw(st.booleans()) else content)
    form = Delimited(
        separator, tuple(NAMES) if kind == "bare" else None, quoted=kind != "unquoted",
        trusted=data.draw(st.booleans()),
    )  # fmt: skip
    try:
        events(path, form)
        items(path, form)
    except DataError as error:
        assert "quote in line" in str(error) or "no rows" in str(error)


GOOD = [
    *("7", "7.0", "-0", "-0.0", "0.1", "1e3", "1.5E3", "1e22", "1e-7", "5e-324", "123.456789"),
    *("12345678901234567890", "9007199254740993.0", "true", "null", '"x"', '" x "', '""', '"7.0"'),
    *('"[x]"', '"a\\nb"', r'"\u0000"', r'"\ud83d\ude00"', r'"\ud800"', r'"\ud800x"'),
    *("[]", "[1, 2.5]", r'["a\t\"b", null, {"k": 1.0}]', '{"k": [], "j": "é"}', '{"k": 1, "k": 2}'),
]  # fmt: skip
TOKENS = [*GOOD, "1e400", "NaN", "-Infinity", "07", "1_0", "'x'", r'"\udc00"', "9" * 200]


def written(fields: list[tuple[str, str]]) -> str:
    return "{" + ", ".join(f'"{key}": {token}' for key, token in fields) + "}"


@st.composite
def json_row(draw: Callable, tokens: list[str]) -> str:
    keys = draw(st.lists(st.sampled_from([*NAMES, "x", "late"]), min_size=3, max_size=7))
    return written([(key, draw(st.sampled_from(tokens))) for key in [*"uit", *keys]])


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["clean", "broken", "array", "pretty"])
@bounded
@given(data=st.data())
def test_json_is_read_alike(kind: str, data: st.DataObject, tmp_path: Path):
    rows = data.draw(
        st.lists(json_row(TOKENS if kind == "broken" else GOOD), min_size=1, max_size=6)
    )
    if kind == "broken":
        rows += data.draw(
            st.lists(st.sampled_from(["{}", "[1]", "x", "{", " ", "null"]), max_size=2)
        )
    text = data.draw(st.sampled_from(["\n", "\r\n", "\n\n", " \n"])).join(rows)
    if kind == "array":
        text = "[" + data.draw(st.sampled_from([",", ",\n", "\n, "])).join(rows) + "]"
    if kind == "pretty":
        text = "\n".join(row.replace(", ", ",\n  ").replace("{", "{\n", 1) for row in rows)
    path = tmp_path / "events.json"
    path.write_text(
        data.draw(st.sampled_from(["", "\ufeff"])) + text + data.draw(st.sampled_from(["", "\n"]))
    )
    events(path, JsonLines())
    items(path, JsonLines())
