"""A published split is used as it was given, and what leaks through it is told."""

from dataclasses import replace
from pathlib import Path

import pytest

from seqrec.config.check.combine import conflicts
from seqrec.config.schema import Prepare
from seqrec.data.files import Files
from seqrec.errors import ConfigError, DataError
from seqrec.split.given import Given
from seqrec.store.prepare import prepare
from seqrec.store.store import SequenceStore
from seqrec.store.views import View

HEAD = "user_id,item_id,timestamp"
TRAIN = ["a,x,100000001", "a,y,100000002", "b,y,100000001", "b,x,100000005", "b,z,100000006"]
VALID = ["a,z,100000003", "b,y,100000007"]
TEST = ["a,x,100000004", "a,y,100000005", "b,x,100000008", "c,x,100000001", "c,z,100000009"]


def prepared(folder: Path, *, valid=VALID, test=TEST, **changes) -> SequenceStore:
    folder.mkdir(exist_ok=True)
    for name, rows in {"train": TRAIN, "valid": valid or [], "test": test}.items():
        (folder / f"{name}.csv").write_text("\n".join([HEAD, *rows]))
    paths = {"path": "train.csv", "test_path": "test.csv"}
    if valid:
        paths["valid_path"] = "valid.csv"
    source = Files(raw_dir=str(folder), **paths, **changes)
    return prepare(source, Prepare(), folder / "cache")


def told(store: SequenceStore, view: View) -> list[tuple[str, str, str]]:
    """Return user, history and target of each entry, in original ids."""
    users, items = store.users()["user"], ["", *store.items()["item"]]
    return [
        (users[u], "".join(items[i] for i in store.item[start:end]), items[store.item[end]])
        for u, start, end in zip(
            view.user.tolist(), view.start.tolist(), view.end.tolist(), strict=True
        )
    ]


def test_each_event_is_in_the_part_of_its_file(tmp_path):
    store = prepared(tmp_path)
    splits = Given()(store)
    length = splits.train.end - splits.train.start
    assert dict(zip(splits.train.user.tolist(), length.tolist(), strict=True)) == {0: 2, 1: 3}
    assert told(store, splits.valid) == [("a", "xy", "z"), ("b", "yxz", "y")]
    assert told(store, splits.test) == [
        ("a", "xyz", "x"),
        ("a", "xyzx", "y"),
        ("b", "yxzy", "x"),
        ("c", "x", "z"),  # a new user's first event has no history
    ]
    first = Given(targets="first")(store)
    assert told(store, first.test) == [("a", "xyz", "x"), ("b", "yxzy", "x")]
    assert splits.report["in_two_parts"] == splits.report["before_training"] == 0


def test_without_a_validation_file_training_events_validate(tmp_path):
    store = prepared(tmp_path, valid=None)
    splits = Given(new_items="keep")(store)
    assert told(store, splits.valid) == [("b", "yx", "z")]
    assert told(store, splits.test)[2] == ("b", "yxz", "x")


def test_the_parts_keep_their_order_without_times(tmp_path):
    store = prepared(tmp_path, timestamp=None)
    assert told(store, Given()(store).valid) == [("a", "xy", "z"), ("b", "yxz", "y")]


def test_leaks_of_a_published_split_are_counted(tmp_path):
    leaking = [*TEST, "b,x,100000005", "b,y,100000002"]  # once more, and from before the training
    splits = Given()(prepared(tmp_path, test=leaking))
    assert splits.report["in_two_parts"] == 1 and splits.report["before_training"] == 2


def test_parts_and_their_split_go_together(tmp_path):
    with pytest.raises(ConfigError, match="none of test events"):
        Files(path="a.csv", valid_path="b.csv")
    whole = replace(Files(path="train.csv", raw_dir=str(tmp_path)))
    prepared(tmp_path)
    with pytest.raises(DataError, match=r"no parts(.|\n)*data\.test_path"):
        Given()(prepare(whole, Prepare(), tmp_path / "cache"))
    data = {"_target_": "seqrec.data.files.Files", "path": "a.csv"}
    given = {"_target_": "seqrec.split.given.Given"}
    other = {"_target_": "seqrec.split.ratio.Ratio"}
    [unused] = conflicts({"data": data | {"test_path": "b.csv"}, "split": other})
    [missing] = conflicts({"data": data, "split": given})
    assert "set split=given" in unused and "data.test_path" in missing
    assert not list(conflicts({"data": data | {"test_path": "b.csv"}, "split": given}))
