"""What a configuration that comes with a run may name.

The command line, this code and what is installed are trusted. A run's folder is data, wherever it
came from, so its ``_target_`` may name only classes of this package, optimizers and schedules of
torch, and what lies in folders that the user names on this command line. Everything is decided
from source text: nothing is imported to find out what a name stands for.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seqrec.config.check.source import (
    TargetError,
    find_definition,
    search_too,
    source_file,
    split_target,
)
from seqrec.errors import ConfigError, RunError
from seqrec.terminal.errors import tell

OURS = ("seqrec", "torch.optim")  # packages whose public classes every run may name
PUBLIC = re.compile(r"[A-Za-z]\w*(\.[A-Za-z]\w*)+", re.ASCII)
SCHEME = "file://"


@dataclass(frozen=True)
class Trust:
    """What a run's configuration may name beside this package; by default nothing.

    Args:
        folders: of modules that the user named.
        targets: that the command line chooses itself.
        everything: the user wrote ``trust=true``.
    """

    folders: tuple[Path, ...] = ()
    targets: frozenset[str] = field(default_factory=frozenset)
    everything: bool = False

    @classmethod
    def given(
        cls, *, trust: bool = False, searchpath: Iterable[str | Path] | None = None
    ) -> "Trust":
        """What ``trust=`` and ``searchpath=`` say; the folders become part of Python's path.

        Raises:
            ConfigError: one of them is no folder.
        """
        folders = tuple(
            Path(str(place).removeprefix(SCHEME)).expanduser().resolve()
            for place in searchpath or ()
        )
        for folder in folders:
            if not folder.is_dir():
                raise ConfigError(
                    f"searchpath: {folder} is no folder",
                    todo="name folders that hold Python modules: searchpath='[FOLDER]'",
                )
            search_too(folder)
        return cls(folders, everything=trust)

    @classmethod
    def of(cls, config: Any) -> "Trust":
        """What a composed configuration names: the command line chose it."""
        return cls(targets=frozenset(str(target) for _, target in targets(config)))

    def check(self, config: Any, file: Path) -> None:
        """Let a configuration pass that names what it may; say what ``trust=true`` lets pass.

        Raises:
            RunError: it names something else.
        """
        foreign = [
            (key, target, why) for key, target in targets(config) if (why := self._refusal(target))
        ]
        if not foreign:
            return
        if self.everything:
            told = ", ".join(f"{target} ({key})" for key, target, _ in foreign)
            tell(f"trust=true: {file} has these imported and called: {told}", style="yellow")
            return
        told = "; ".join(f"{key}: {target} {why}" for key, target, why in foreign)
        raise RunError(
            f"{file} names what a run may not: {told}",
            todo="if the code is yours, name its folder, searchpath=FOLDER; "
            "trust=true imports and calls whatever the run names",
        )

    def _refusal(self, target: Any) -> str | None:
        """Why a target isn't trusted; None: it is."""
        if target in self.targets:
            return None
        if not isinstance(target, str) or not PUBLIC.fullmatch(target):
            return "is no public dotted name"
        try:
            module, _ = split_target(target)
            if module and self._in_folders(module):
                return None
            found = find_definition(target)
        except (TargetError, SyntaxError):
            return "doesn't exist"
        if found is None or not _is_ours(str(found[1]["__name__"])):
            return "isn't of seqrec"
        return None if isinstance(found[0], ast.ClassDef) else "is no class"

    def _in_folders(self, module: str) -> bool:
        file = source_file(module)
        return file is not None and any(map(file.resolve().is_relative_to, self.folders))


NOTHING = Trust()


def targets(node: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the dotted key and the value of every ``_target_``, at any depth."""
    pairs = (
        node.items()
        if isinstance(node, dict)
        else enumerate(node)
        if isinstance(node, list)
        else ()
    )
    for key, value in pairs:
        at = f"{path}.{key}" if path else str(key)
        if key == "_target_":
            yield at, value
        yield from targets(value, at)


def _is_ours(module: str) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in OURS)
