"""Published counts beside what was read."""

from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl
import pytest
from commands import CONFIGS, composed

from seqrec.build import build_source
from seqrec.config.schema import Prepare
from seqrec.data.files import Files
from seqrec.data.otto import Otto
from seqrec.data.source import Interactions
from seqrec.errors import ConfigError
from seqrec.store.expect import COUNTS
from seqrec.store.prepare import prepare


@dataclass(frozen=True, kw_only=True)
class Shop:
    """Two users, three items, four events, and one malformed row."""

    expect: dict[str, dict[str, int]] | None = None

    name = "shop"

    def files(self) -> list[Path]:
        return []

    def read(self) -> Interactions:
        rows = {"user": ["a", "a", "b", "b"], "item": ["x", "y", "z", "x"]}
        return Interactions(pl.LazyFrame(rows), None, {"missing id": 1})


RIGHT = {"users": 2, "items": 3, "interactions": 5}  # the malformed row was published, too


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        (RIGHT, ""),
        ({"interactions": 5}, ""),
        (RIGHT | {"users": 3}, "shop isn't as published: 2 users (published: 3). "),
        ({"items": 9000, "interactions": 4},
         "shop isn't as published: 3 items (published: 9,000), 5 interactions (published: 4). "),
    ],
)  # fmt: skip
def test_a_difference_is_said_with_both_numbers(counts, words, tmp_path, capsys) -> None:
    prepare(Shop(expect={"shop": counts}), Prepare(max_history=1), tmp_path)  # the raw data counts
    said = capsys.readouterr().err.replace("\n", " ")
    assert said.startswith(words) and bool(words) == ("sample" in said)


def test_other_data_of_a_source_is_not_compared(tmp_path, capsys) -> None:
    prepare(Shop(expect={"shop-of-others": {"users": 9}}), Prepare(), tmp_path)
    line = '{"session":7,"events":[{"aid":1,"ts":1659304800025,"type":"clicks"}]}\n'
    (tmp_path / "train.jsonl").write_text(line)
    full = Otto(raw_dir=str(tmp_path), expect={"otto": {"users": 9}})
    prepare(replace(full, kinds=["clicks"]), Prepare(), tmp_path)
    assert not capsys.readouterr().err
    prepare(full, Prepare(), tmp_path)
    assert "1 users (published: 9)" in capsys.readouterr().err


def test_what_is_expected_changes_no_store(tmp_path) -> None:
    first = prepare(Shop(), Prepare(), tmp_path)
    assert prepare(Shop(expect={"shop": {"users": 9}}), Prepare(), tmp_path).folder == first.folder


@pytest.mark.parametrize("wrong", [{"shop": {"rows": 5}}, {"users": 5}])
def test_what_are_no_counts_is_refused_before_anything_is_read(wrong, tmp_path) -> None:
    with pytest.raises(ConfigError, match=r"(?s)data\.expect.*users, items, interactions"):
        prepare(Shop(expect=wrong), Prepare(), tmp_path)


def test_every_dataset_expects_counts_of_its_own_names() -> None:
    expecting = 0
    for file in sorted((CONFIGS / "data").glob("*.yaml")):
        if "expect:" not in file.read_text():
            continue
        source = build_source(composed(f"data={file.stem}")[0])
        assert source.name in source.expect, file.name
        for counts in source.expect.values():
            assert counts and set(counts) <= set(COUNTS)
        expecting += 1
    assert expecting > 10
    assert not hasattr(Files(path="x"), "expect")
