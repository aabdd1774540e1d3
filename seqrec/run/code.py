"""Which code a run used: a commit and what was changed since, and a hash that needs no git."""

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

UNTRACKED = ("*.py", "*.yaml")  # that a patch has too: new components, new configurations
DIFF = (  # whatever the user's own settings are
    *("diff", "--binary", "--no-ext-diff", "--no-textconv", "--no-color"),
    *("--src-prefix=a/", "--dst-prefix=b/", "HEAD"),
)


def describe_code() -> dict[str, Any]:
    """The code as plain values; ``code`` says it in words.

    ``git_sha`` is None where the project isn't under git; ``code_sha256`` is there in any case.
    """
    sha, patch = git_sha(), code_patch()
    if sha is None:
        told = "not under git; code_sha256 tells whether two runs used the same"
    else:
        told = f"commit {sha[:12]}{', changed as code.patch says' if patch else ''}"
    return {"code": told, "git_sha": sha, "git_dirty": bool(patch), "code_sha256": code_hash()}


@cache  # what this process has loaded is what was there when it began
def code_hash(targets: tuple[str, ...] = ()) -> str:
    """Hash of the package's source, and of the modules of components from elsewhere.

    Args:
        targets: ``_target_`` of every component. Installed libraries don't count.
    """
    package = PROJECT / "seqrec"
    files = [(path.relative_to(PROJECT).as_posix(), path) for path in package.rglob("*.py")]
    hashed = hashlib.sha256()
    for name, path in [*sorted(files), *_own_modules(targets)]:
        hashed.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return hashed.hexdigest()


@cache
def git_sha() -> str | None:
    """The commit that is checked out; None without git, or where the repository isn't ours."""
    if _git("ls-files", "--error-unmatch", "seqrec/__init__.py") is None:
        return None
    found = _git("rev-parse", "HEAD")
    return found.decode().strip() if found else None


@cache
def code_patch() -> bytes | None:
    """What differs from the commit, new Python and YAML files included; None: nothing.

    ``git apply code.patch`` on the commit of ``git_sha`` brings the code back.
    """
    if git_sha() is None:
        return None
    listed = _git("ls-files", "-z", "--others", "--exclude-standard", "--", *UNTRACKED) or b""
    new = [os.fsdecode(name) for name in listed.split(b"\0") if name]
    index = os.fsdecode(_git("rev-parse", "--git-path", "index") or b"").strip()
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "index"  # the user's own stays as it is
        shutil.copy(PROJECT / index, copy)
        if new:
            _git("add", "--intent-to-add", "--", *new, index=copy)
        return _git(*DIFF, index=copy) or None


def _own_modules(targets: Iterable[str]) -> list[tuple[str, Path]]:
    """Modules of the user's, outside the package and outside of what is installed."""
    found = set()
    for target in targets:
        module, _ = split_target(target)
        path = source_file(module) if module and not module.startswith("seqrec.") else None
        if module and path and not {"site-packages", "dist-packages"} & set(path.parts):
            found.add((module, path))
    return sorted(found)


def _git(*arguments: str, index: Path | None = None) -> bytes | None:
    """What git prints, or None where there is none or it refuses."""
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
