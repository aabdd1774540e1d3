"""Rules on what the configuration of a run may name.

The command line, this code and what is installed are trusted. A run's folder is data, wherever it
came from, so its ``_target_`` may name only classes of this package, torch's optimizers and
schedules, and modules in folders that the user names on the command line. Names are resolved from
source text; nothing is imported.
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
from seqrec.terminal.say import say

OURS = ("seqrec", "torch.optim")  # packages whose public classes every run may name
PUBLIC = re.compile(r"[A-Za-z]\w*(\.[A-Za-z]\w*)+", re.ASCII)
SCHEME = "file://"


@dataclass(frozen=True)
class Trust:
    """What a run's configuration may name besides this package; by default nothing.

    Args:
        folders: folders of modules that the user named.
        targets: targets that the command line itself chooses.
        everything: whether the user wrote ``trust=true``.
    """

    folders: tuple[Path, ...] = ()
    targets: frozenset[str] = field(default_factory=frozenset)
    everything: bool = False

    @classmethod
    def given(
        cls, *, trust: bool = False, searchpath: Iterable[str | Path] | None = None
    ) -> "Trust":
        """Return what ``trust=`` and ``searchpath=`` allow, and add the folders to Python's path.

        Raises:
            ConfigError: an entry of `searchpath` isn't a folder.
        """
        folders = tuple(
            Path(str(place).removeprefix(SCHEME)).expanduser().resolve()
            for place in searchpath or ()
        )
        for folder in folders:
            if not folder.is_dir():
                raise ConfigError(
                    f"searchpath: {folder} isn't a folder",
                    todo="name folders that hold Python modules: searchpath='[FOLDER]'",
                )
            search_too(folder)
        return cls(folders, everything=trust)

    @classmethod
    def of(cls, config: Any) -> "Trust":
        """Return trust in the targets of a configuration that the command line composed."""
        return cls(targets=frozenset(str(target) for _, target in targets(config)))

    def check(self, config: Any, file: Path) -> None:
        """Refuse a configuration that names what it may not; report what ``trust=true`` allows.

        Raises:
            RunError: it names something that isn't trusted.
        """
        foreign = [
            (key, target, why) for key, target in targets(config) if (why := self._refusal(target))
        ]
        if not foreign:
            return
        if self.everything:
            listed = ", ".join(f"{target} ({key})" for key, target, _ in foreign)
            say(f"trust=true: {file} has these imported and called: {listed}", style="yellow")
            return
        listed = "; ".join(f"{key}: {target} {why}" for key, target, why in foreign)
        raise RunError(
            f"{file} names what a run may not: {listed}",
            todo="if the code is yours, name its folder: searchpath=FOLDER; "
            "trust=true imports and calls whatever the run names",
        )

    def _refusal(self, target: Any) -> str | None:
        """Return why a target isn't trusted; None if it is."""
        if target in self.targets:
            return None
        if not isinstance(target, str) or not PUBLIC.fullmatch(target):
            return "isn't a public dotted name"
        try:
            module, _ = split_target(target)
            if module and self._in_folders(module):
                return None
            found = find_definition(target)
        except (TargetError, SyntaxError):
            return "doesn't exist"
        if found is None or not _is_ours(str(found[1]["__name__"])):
            return "isn't part of seqrec"
        return None if isinstance(found[0], ast.ClassDef) else "isn't a class"

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
