"""Files of sequences that are wrong: refused by name, or what is wrong is counted."""

import gzip
from pathlib import Path

import pytest
from helpers.damage import HARMLESS, SEQUENCES, many, sequences
from hypothesis import given
from hypothesis import strategies as st

from seqrec.data.sequences import Sequences
from seqrec.errors import SeqrecError


@many
@given(where=st.sets(st.integers(0, 39), min_size=1, max_size=20), gap=st.sampled_from(" \t"))
def test_lines_of_sequences_without_items_are_counted(where: set[int], gap: str, tmp_path: Path):
    lines = SEQUENCES.decode().replace(" ", gap).splitlines()
    for at in where:
        lines[at] = "u0"
    path = tmp_path / "sequences.txt"
    path.write_text("\n\n".join(lines))
    assert sequences(path) == (3 * (40 - len(where)), {"wrong column count": len(where)})


@pytest.mark.parametrize("way", HARMLESS)
def test_harmless_ways_to_write_sequences_change_nothing(way: str, tmp_path: Path):
    path = tmp_path / "sequences.txt"
    path.write_bytes(HARMLESS[way](SEQUENCES.decode().splitlines()))
    events = Sequences(path=str(path)).read().events.collect()
    assert len(events) == 120 and events.row(0) == ("u0", "0")


@pytest.mark.parametrize(
    "content",
    [b"", b"\n \n", gzip.compress(b""), SEQUENCES.decode().encode("latin-1"), b"a\0b 5 6\n",
     "u0 1 2\n".encode("utf-16"), bytes(range(256))],
    ids=["empty", "blank", "empty gzip", "latin-1", "NUL", "utf-16", "rubbish"],
)  # fmt: skip
def test_what_are_no_sequences_is_refused(content: bytes, tmp_path: Path):
    path = tmp_path / "sequences.txt"
    path.write_bytes(content)
    with pytest.raises(SeqrecError, match=r"sequences\.txt"):
        sequences(path)


@many
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_cut_off_gzip_file_of_sequences_is_refused(share: float, tmp_path: Path):
    path, whole = tmp_path / "sequences.gz", gzip.compress(SEQUENCES * 50, mtime=0)
    path.write_bytes(whole[: max(2, int(share * len(whole)))])
    with pytest.raises(SeqrecError, match=r"sequences\.gz"):
        sequences(path)
