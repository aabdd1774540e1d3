"""Components that a command chooses by name, with options from its command line.

Their kinds (an explainer, say) are no part of a run's configuration. The folder of a kind below
``configs/`` has a YAML file for each of its options.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from seqrec.config.check.components import component_mistakes
from seqrec.config.check.mistakes import refuse, unknown
from seqrec.config.check.ranges import out_of_range
from seqrec.config.make import make
from seqrec.config.saved import Loader
from seqrec.errors import ConfigError
from seqrec.home import CONFIGS

Nodes = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Choice:
    """The options of a kind.

    Args:
        kind: the folder below ``configs/`` and ``seqrec/``.
        key: the argument that names an option on the command line.
        several: the plural of `key`, for messages.
    """

    kind: str
    key: str
    several: str

    def names(self, folders: Iterable[Path] = ()) -> list[str]:
        """Return the names of all options, those below `folders` too."""
        return sorted(self._files(folders))

    def settings_of(
        self,
        wanted: Iterable[str],
        options: Mapping[str, str],
        *,
        folders: Iterable[Path] = (),
        beside: Iterable[str] = (),
    ) -> Nodes:
        """Read the YAML files of options, and set their keys.

        Args:
            wanted: names of options.
            options: values of their keys, as texts: ``steps`` holds for every wanted option that
                has the key, ``integrated_gradients.steps`` for one.
            folders: further folders that may hold ``<kind>/<name>.yaml``.
            beside: arguments that the command has beside these keys, which a key may be a mistyped
                one of.

        Raises:
            ConfigError: there is no such option, none has a key, or a value doesn't fit; it lists
                all mistakes.
        """
        files, wanted = self._files(folders), list(dict.fromkeys(wanted))
        mistakes = [
            f"{self.key}={name}: {unknown(name, files, noun=self.several)}"
            for name in wanted
            if name not in files
        ]
        nodes = {name: self._read(files[name]) for name in wanted if name in files}
        for key, text in options.items():
            mistakes += self._set(nodes, key, text, frozenset(beside))
        mistakes += component_mistakes({self.kind: nodes})
        mistakes += out_of_range({self.kind: nodes})
        refuse(
            [mistake.replace(f"{self.kind}.", "") for mistake in mistakes],
            todo=f"keys and their meaning are in {CONFIGS.name}/{self.kind}/<{self.key}>.yaml",
        )
        return nodes

    def build(self, nodes: Nodes, **facts: Any) -> dict[str, Any]:
        """Build components from their settings, and from the facts that they take.

        Raises:
            ConfigError: one refuses its values.
        """
        return {name: self._made(name, node, facts) for name, node in nodes.items()}

    def _files(self, folders: Iterable[Path]) -> dict[str, Path]:
        places = [place / self.kind for place in (CONFIGS, *folders)]
        return {file.stem: file for place in places for file in sorted(place.glob("*.yaml"))}

    def _read(self, file: Path) -> dict[str, Any]:
        node = yaml.load(file.read_text(), Loader)
        if not isinstance(node, dict) or "_target_" not in node:
            raise ConfigError(f"a file of kind {self.kind} needs a _target_", where=str(file))
        return node

    def _set(self, nodes: Nodes, key: str, text: str, beside: frozenset[str]) -> list[str]:
        """Set a key of the nodes that have it; return what is wrong with it."""
        option, dot, name = key.rpartition(".")
        if dot and option not in nodes:
            return [f"{key}: {unknown(option, nodes, noun=f'chosen {self.several}')}"]
        chosen = [nodes[option]] if dot else list(nodes.values())
        having = [node for node in chosen if name in node]
        if not having or name.startswith("_"):
            own = {each for node in chosen for each in node if not each.startswith("_")}
            keys = f"keys of the chosen {self.several}"
            noun = f"arguments, and {keys}" if beside and not dot else keys
            return [f"{key}: {unknown(name, own if dot else own | beside, noun=noun)}"]
        try:
            value = yaml.load(text, Loader)
        except yaml.YAMLError:
            return [f"{key}={text}: can't be read"]
        for node in having:
            node[name] = value
        return []

    def _made(self, name: str, node: dict[str, Any], facts: Mapping[str, Any]) -> Any:
        try:
            return make(node, **facts)
        except ConfigError as error:
            raise ConfigError(error.what, where=f"{self.key}={name}", todo=error.todo) from error
