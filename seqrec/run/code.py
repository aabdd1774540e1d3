"""The code that a run used: its commit, the changes since, and a hash that needs no git."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from seqrec.config.check.source import source_file, split_target
from seqrec.home import PROJECT

UNTRACKED = ("*.py", "*.yaml")  # new files that a patch includes: components, configurations
DIFF = (  # independent of the user's git settings
    *("diff", "--binary", "--no-ext-diff", "--no-textconv", "--no-color"),
    *("--src-prefix=a/", "--dst-prefix=b/", "HEAD"),
)


def describe_code() -> dict[str, Any]:
    """Describe the code as plain values; ``code`` is a sentence.

    ``git_sha`` is None where the project isn't under git; ``code_sha256`` is always set.
    """
    sha, patch = git_sha(), code_patch()
    if sha is None:
        words = "not under git; runs with equal code_sha256 used the same code"
    else:
        words = f"commit {sha[:12]}{', with the changes in code.patch' if patch else ''}"
    return {"code": words, "git_sha": sha, "git_dirty": bool(patch), "code_sha256": code_hash()}


@cache  # this process has loaded the code as it was at its start
def code_hash(targets: tuple[str, ...] = ()) -> str:
    """Hash the package's source and the user's own modules of components.

    Args:
        targets: ``_target_`` of every component; installed libraries don't count.
    """
    package = PROJECT / "seqrec"
    files = [(path.relative_to(PROJECT).as_posix(), path) for path in package.rglob("*.py")]
    hashed = hashlib.sha256()
    for name, path in [*sorted(files), *_own_modules(targets)]:
        hashed.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return hashed.hexdigest()


@cache
def git_sha() -> str | None:
    """Return the checked-out commit; None without git or outside this project's repository."""
    if _git("ls-files", "--error-unmatch", "seqrec/__init__.py") is None:
        return None
    found = _git("rev-parse", "HEAD")
    return found.decode().strip() if found else None


@cache
def code_patch() -> bytes | None:
    """Return the uncommitted changes, with new Python and YAML files; None if there are none.

    ``git apply code.patch`` on the commit of ``git_sha`` restores the code.
    """
    if git_sha() is None:
        return None
    listed = _git("ls-files", "-z", "--others", "--exclude-standard", "--", *UNTRACKED) or b""
    new = [os.fsdecode(name) for name in listed.split(b"\0") if name]
    index = os.fsdecode(_git("rev-parse", "--git-path", "index") or b"").strip()
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "index"  # the user's own index isn't changed
        shutil.copy(PROJECT / index, copy)
        if new:
            _git("add", "--intent-to-add", "--", *new, index=copy)
        return _git(*DIFF, index=copy) or None


def _own_modules(targets: Iterable[str]) -> list[tuple[str, Path]]:
    """Return the user's own modules: neither of the package nor installed."""
    found = set()
    for target in targets:
        module, _ = split_target(target)
        path = source_file(module) if module and not module.startswith("seqrec.") else None
        if module and path and not {"site-packages", "dist-packages"} & set(path.parts):
            found.add((module, path))
    return sorted(found)


def _git(*arguments: str, index: Path | None = None) -> bytes | None:
    """Return what git prints; None if git is missing or fails."""
    environment = os.environ | ({"GIT_INDEX_FILE": str(index)} if index else {})
    try:
        done = subprocess.run(
            ["git", "-C", str(PROJECT), *arguments],
            capture_output=True,
            timeout=60,
            env=environment,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
