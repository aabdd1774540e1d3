"""Sessions without times are split in the order of the file."""

from pathlib import Path

import pytest

from seqrec.config.schema import Prepare
from seqrec.data.sequences import Sequences
from seqrec.errors import DataError
from seqrec.split.sessions import Sessions
from seqrec.split.temporal import Temporal
from seqrec.store.prepare import prepare
from seqrec.store.store import SequenceStore


@pytest.fixture
def store(tmp_path: Path) -> SequenceStore:
    path = tmp_path / "sessions.txt"
    path.write_text("".join(f"s{n} p q {'r' * (n % 2) or 'q'}\n" for n in range(10)))
    return prepare(Sequences(path=str(path)), Prepare(k_core=0), tmp_path / "cache")


def test_the_last_sessions_of_a_file_are_held_out(store: SequenceStore):
    splits = Sessions(test_share=0.2, valid_share=0.2, targets="last")(store)
    assert splits.train.user.tolist() == [0, 1, 2, 3, 4, 5]
    assert (splits.valid.user.tolist(), splits.test.user.tolist()) == ([6, 7], [8, 9])
    assert splits.protocol == "sessions(test_from=session 9, valid_from=session 7, targets=last)"
    assert splits.cut is None and splits.report["sessions_across_a_cut"] == 0


def test_a_split_that_needs_times_names_no_key_that_is_then_refused(store: SequenceStore):
    with pytest.raises(DataError, match=r"read a file with times \(data=files data.timestamp=\)"):
        Temporal()(store)
