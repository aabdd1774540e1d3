"""How much memory is free."""

from pathlib import Path

import pytest

from seqrec.machine import free


def test_a_container_has_no_more_than_its_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(free, "CGROUP", tmp_path)
    of_machine = free.free_memory()
    assert of_machine > 2**20
    for name, text in (("max", "max"), ("current", "700"), ("stat", "anon 1\nactive_file 300\n")):
        (tmp_path / f"memory.{name}").write_text(text)
    assert free.free_memory() > 2**20
    (tmp_path / "memory.max").write_text("1000\n")
    assert free.free_memory() == 600
