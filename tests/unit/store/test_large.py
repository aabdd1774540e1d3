"""Preparing on disk: the same store as in memory, by any steps, in parts of any size."""

import re
import tempfile
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqrec.config.schema import Prepare, Repeats, Ties
from seqrec.errors import DataError
from seqrec.raw.source import Interactions, Known
from seqrec.store.encode import encode
from seqrec.store.large import encoded_on_disk
from seqrec.store.store import SequenceStore, write

MINUTE = 60_000
IDS = st.sampled_from(["a", "b", "B", " a", "7", "7.0", "-0", "  ", "é", "e\u0301"])
ROWS = st.lists(
    st.tuples(
        *(IDS, IDS, st.integers(0, 12), st.sampled_from([1.0, 2.5, 4.0, 5.0])),
        *(st.sampled_from(["web", "app", None]), st.sampled_from([0.5, None]), st.integers(0, 2)),
    ),
    min_size=1,
    max_size=60,
)
COLUMNS = {
    **{"user": pl.String, "item": pl.String, "timestamp": pl.Int64, "rating": pl.Float32},
    **{"device": pl.String, "dwell": pl.Float32, "_part": pl.Int8},
}
SETTINGS = st.builds(
    Prepare,
    min_rating=st.sampled_from([None, None, 2, 4.5]),
    ties=st.sampled_from(list(Ties)),
    repeats=st.sampled_from(list(Repeats)),
    session_gap=st.sampled_from([None, None, 0, 2]),
    k_core=st.integers(0, 3),
    min_user_events=st.sampled_from([None, None, 0, 2]),
    min_item_events=st.sampled_from([None, None, 0, 2]),
    min_session_events=st.sampled_from([None, None, 2]),
    k_core_before=st.sampled_from([None, None, "1970-01-01T00:06"]),
    max_history=st.sampled_from([None, None, 1, 3]),
)


def written(folder: Path, encoded: dict) -> SequenceStore:
    folder.mkdir()
    write(folder, name="test", **encoded)
    return SequenceStore(folder)


def both(
    interactions: Interactions, prepare: Prepare, folder: Path, at_once: int, block: int
) -> tuple[SequenceStore, SequenceStore]:
    """Prepare in memory and on disk."""
    whole = written(folder / "whole", encode(interactions, prepare, "test"))
    scratch = folder / "scratch"
    road = encoded_on_disk(lambda: interactions, prepare, "test", scratch, at_once, block)
    with road as encoded:
        parts = written(folder / "parts", encoded)
    assert not scratch.exists()
    return whole, parts


@settings(max_examples=100, deadline=None)
@given(
    rows=ROWS,
    prepare=SETTINGS,
    columns=st.lists(st.sampled_from(list(COLUMNS)[2:]), unique=True),
    whole_numbers=st.booleans(),
    known=st.booleans(),
    at_once=st.sampled_from([1, 3, 20, 1000]),
    block=st.integers(1, 70),
)
def test_every_preparation_is_the_same_in_memory_and_on_disk(
    rows, prepare, columns, whole_numbers, known, at_once, block
):
    frame = pl.DataFrame(rows, schema=COLUMNS, orient="row")
    frame = frame.with_columns(pl.col("timestamp") * MINUTE)
    if whole_numbers:
        number = pl.col("user", "item").hash() % 5 + 10
        frame = frame.with_columns(number.cast(pl.Int64))
    chosen = frame.select("user", "item", *(c for c in COLUMNS if c in columns))
    ids = Known(pl.Series(["b", "zz", "12"]), pl.Series(["a", None, "11", "a/1"]), 5 * MINUTE)
    interactions = Interactions(chosen.lazy(), rejected={"missing id": 2}, notes=("a note",))
    if known and "timestamp" in columns:
        interactions = replace(interactions, known=ids)
    with tempfile.TemporaryDirectory() as folder:
        try:
            whole, parts = both(interactions, prepare, Path(folder), at_once, block)
        except DataError as error:
            scratch = Path(folder, "scratch")
            with (
                pytest.raises(DataError, match=re.escape(error.what)) as found,
                encoded_on_disk(lambda: interactions, prepare, "test", scratch, at_once, block),
            ):
                pass
            assert str(found.value) == str(error) and not scratch.exists()
            return
        assert parts.data_hash == whole.data_hash
        assert parts.report == whole.report
        assert parts.users().equals(whole.users()) and parts.items().equals(whole.items())
        for name in ("offset", "item", "timestamp"):
            files = [store.folder / f"{name}.npy" for store in (whole, parts)]
            assert len({f.read_bytes() if f.exists() else None for f in files}) == 1
