"""What a run's folder says of code and machine."""

import subprocess
import sys

import numpy as np
import pytest

from seqrec.machine.hardware import find_hardware
from seqrec.machine.memory import RESET, peak_mb, reset_peak
from seqrec.run import code


def git(folder, *arguments: str, given: bytes | None = None) -> str:
    who = ("-c", "user.name=a", "-c", "user.email=a@b")
    command = ["git", "-C", str(folder), *who, *arguments]
    return subprocess.run(command, input=given, capture_output=True, check=True).stdout.decode()


def forget():
    for known in (code.git_sha, code.code_patch, code.code_hash):
        known.cache_clear()


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A small project that the code is taken to be."""
    folder = tmp_path / "project"
    (folder / "seqrec").mkdir(parents=True)
    (folder / "seqrec" / "__init__.py").write_text("version = 1\n")
    (folder / ".gitignore").write_text("outputs/\n")
    monkeypatch.setattr(code, "PROJECT", folder)
    forget()
    yield folder
    forget()


def commit(project):
    git(project, "init", "-q")
    git(project, "add", "-A")
    git(project, "commit", "-qm", "first")


def test_the_patch_brings_changed_and_new_files_back(project, tmp_path):
    commit(project)
    git(project, "clone", "-q", str(project), str(tmp_path / "clone"))
    git(project, "config", "diff.noprefix", "true")
    (project / "seqrec" / "__init__.py").write_bytes(b"version = 2  # \xe9\n")
    (project / "seqrec" / "new head.py").write_text("width = 3\n")
    (project / "new.yaml").write_text("dim: 8\n")
    (project / "notes.txt").write_text("private\n")
    (project / "outputs").mkdir()
    (project / "outputs" / "made.py").write_text("ignored\n")
    before = git(project, "status", "--porcelain")
    patch = code.code_patch()
    assert patch and b"private" not in patch and b"ignored" not in patch
    assert git(project, "status", "--porcelain") == before
    git(tmp_path / "clone", "apply", "-", given=patch)
    for name in ("seqrec/__init__.py", "seqrec/new head.py", "new.yaml"):
        assert (tmp_path / "clone" / name).read_bytes() == (project / name).read_bytes()
    told = code.describe_code()
    assert told["git_dirty"] and told["code"].endswith("with the changes in code.patch")


def test_a_clean_tree_has_no_patch(project):
    commit(project)
    told = code.describe_code()
    assert told["git_sha"] == git(project, "rev-parse", "HEAD").strip()
    assert code.code_patch() is None and not told["git_dirty"]


@pytest.mark.parametrize("where", ["nowhere", "in a repository of something else"])
def test_without_git_the_record_says_so_and_has_a_hash(project, where):
    if where != "nowhere":
        git(project.parent, "init", "-q")
        git(project.parent, "commit", "-qm", "first", "--allow-empty")
    told = code.describe_code()
    assert told["git_sha"] is None and told["code"].startswith("not under git")
    assert code.code_patch() is None
    assert len(told["code_sha256"]) == 64


def test_the_hash_of_the_code_is_that_of_its_files_and_of_own_components(
    project, tmp_path, monkeypatch
):
    first = code.code_hash()
    forget()
    (project / "README.md").write_text("text\n")
    assert code.code_hash() == first
    forget()
    (project / "seqrec" / "__init__.py").write_text("version = 2\n")
    assert code.code_hash() != first
    monkeypatch.syspath_prepend(str(tmp_path))
    own = tmp_path / "my_components.py"
    hashes = []
    for width in (1, 2):
        own.write_text(f"class Head:\n    width = {width}\n")
        forget()
        hashes.append(code.code_hash(("my_components.Head", "torch.optim.Adam")))
    assert len({*hashes, code.code_hash(("torch.optim.Adam",))}) == 3
    assert code.code_hash(("torch.optim.Adam",)) == code.code_hash()


@pytest.mark.skipif(not RESET.exists(), reason=f"{sys.platform} doesn't forget")
def test_the_peak_of_one_job_is_not_that_of_the_next():
    cpu = find_hardware("cpu", "fp32")
    reset_peak(cpu)
    small = peak_mb(cpu)
    big = np.ones(25_000_000)
    del big
    large = peak_mb(cpu)
    assert large > small + 150
    reset_peak(cpu)
    assert peak_mb(cpu) < large - 150
