"""A chain can only grow: what was changed, removed, moved or added from outside is named."""

import json
import multiprocessing

import pytest

from seqrec.disk.chain import append, locked, read_chain
from seqrec.errors import DataError


@pytest.fixture
def file(tmp_path):
    file = tmp_path / "deep" / "verdicts.jsonl"
    for text in ("one", "zwei ü", "three"):
        with locked(file):
            append(file, {"text": text})
    return file


def texts(file):
    return [entry["text"] for entry in read_chain(file)]


def test_lines_are_read_in_the_order_in_which_they_were_written(file):
    assert texts(file) == ["one", "zwei ü", "three"]
    assert [entry["at"] for entry in read_chain(file)] == [1, 2, 3]
    assert read_chain(file.with_name("other.jsonl")) == []


def changed_text(lines):
    lines[1] = lines[1].replace("zwei", "four")


def changed_hash(lines):
    """A forged line, with a hash of its own: the next line doesn't follow it."""
    from seqrec.disk.chain import hash_of

    entry = json.loads(lines[0]) | {"text": "forged"}
    lines[0] = json.dumps(entry | {"hash": hash_of(entry)})


@pytest.mark.parametrize(
    ("damage", "line"),
    [
        (changed_text, 2),
        (changed_hash, 2),
        (lambda lines: lines.pop(0), 1),
        (lambda lines: lines.pop(1), 2),
        (lambda lines: lines.pop(2), 3),
        (lambda lines: lines.reverse(), 1),
        (lambda lines: lines.append(lines[-1]), 4),
        (lambda lines: lines.insert(1, "{}"), 2),
        (lambda lines: lines.insert(1, "[]"), 2),
        (lambda lines: lines.clear(), 1),
    ],
)
def test_a_broken_chain_is_told_with_its_line_and_never_added_to(file, damage, line):
    lines = file.read_text().splitlines()
    damage(lines)
    file.write_text("".join(f"{each}\n" for each in lines))
    for look in (read_chain, lambda file: append(file, {"text": "more"})):
        with pytest.raises(DataError, match=f"broken at line {line}:"):
            look(file)
    assert file.read_text().splitlines() == lines


def test_a_chain_whose_head_is_gone_or_damaged_is_told(file):
    head = file.with_name("verdicts.head.json")
    for content in ("{", "{}", '{"lines": null, "hash": 1}'):
        head.write_text(content)
        with pytest.raises(DataError, match="can't be checked"):
            read_chain(file)
    head.unlink()
    with pytest.raises(DataError, match="line 2"):
        read_chain(file)


@pytest.mark.parametrize("left", ['{"text": "fo', '{"text": "four"}'])
def test_what_a_killed_process_left_of_a_line_is_taken_away(file, left):
    with file.open("a") as stream:
        stream.write(left)
    assert texts(file) == ["one", "zwei ü", "three"]
    append(file, {"text": "four"})
    assert texts(file) == ["one", "zwei ü", "three", "four"]


def test_a_line_whose_head_was_not_written_counts(file):
    head = file.with_name("verdicts.head.json")
    before = head.read_bytes()
    append(file, {"text": "four"})
    head.write_bytes(before)  # killed after the line, before its head
    assert texts(file)[-1] == "four"
    append(file, {"text": "five"})
    assert texts(file)[-2:] == ["four", "five"]


def test_who_finds_it_locked_is_told(file):
    with locked(file), pytest.raises(DataError, match="another process"), locked(file, seconds=0):
        pass


def _add(file, name):
    for at in range(20):
        with locked(file):
            append(file, {"text": f"{name}{at}"})


@pytest.mark.slow
def test_no_line_of_two_processes_is_lost(tmp_path):
    file = tmp_path / "chain.jsonl"
    workers = [
        multiprocessing.get_context("fork").Process(target=_add, args=(file, n)) for n in "ab"
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(texts(file)) == sorted(f"{n}{at}" for n in "ab" for at in range(20))
