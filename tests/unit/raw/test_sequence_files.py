"""Files of sequences that are wrong: refused by name, or what is wrong is counted."""

import gzip
from pathlib import Path

import pytest
from helpers.damage import HARMLESS, SEQUENCES, many, sequences
from hypothesis import given
from hypothesis import strategies as st

from seqrec.data.files import Files
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


EVENTS = {
    "user item time": ("38 7 1701154261", "data.user=1 data.item=2 data.timestamp=3"),
    "user item rating": ("38 7 4", "data.user=1 data.item=2 data.timestamp=null data.rating=3"),
    "user item rating time": (
        "38 7 4 1701154261",
        "data.user=1 data.item=2 data.timestamp=4 data.rating=3",
    ),
}


@pytest.mark.parametrize("gap", [" ", "\t"])
@pytest.mark.parametrize("what", EVENTS)
def test_events_with_times_or_ratings_are_no_sequences(what: str, gap: str, tmp_path: Path):
    line, keys = EVENTS[what]
    path = tmp_path / "sequences.txt"
    path.write_text((line.replace(" ", gap) + "\n") * 30)
    with pytest.raises(SeqrecError, match=rf"no sequences, but events \({what}\)") as told:
        sequences(path)
    assert f"data=files data.path={path} data.header=false {keys};" in str(told.value)
    named = dict(key.removeprefix("data.").split("=") for key in keys.split())
    named["timestamp"] = None if named["timestamp"] == "null" else named["timestamp"]
    read = Files(path=str(path), header=False, **named).read()
    assert read.events.head(1).select("user", "item").collect().rows() == [("38", "7")]


def test_users_with_two_items_each_are_sequences(tmp_path: Path):
    path = tmp_path / "sequences.txt"
    path.write_text("1 1 2\n2 3 4\n3 5 6\n")
    assert sequences(path) == (6, {})
    path.write_text("1 1 1701154261\n2 3 1701154262\n")
    assert len(Sequences(path=str(path), format="users").read().events.collect()) == 4


@pytest.mark.parametrize("header", ["user item", "user_id\titem_id", "SessionID ItemID", "uid iid",
                                    "user_id:token item_id:token"])  # fmt: skip
def test_a_line_of_names_is_no_user(header: str, tmp_path: Path):
    path = tmp_path / "sequences.txt"
    path.write_text(header + "\n38 7\n35 9\n")
    read = Sequences(path=str(path)).read()
    assert read.events.collect().rows() == [("38", "7"), ("35", "9")]
    assert "names columns" in read.notes[0]
