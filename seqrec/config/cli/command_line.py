"""Check the whole command line before Hydra starts anything.

Hydra stops at the first mistake and describes it for its developers. Here every override is tried,
the composed configuration is checked against the signatures of its components, and all mistakes
are reported together.
"""

import shlex
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hydra import initialize_config_dir
from hydra._internal.utils import get_args_parser
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, Quote, QuotedString
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import ConfigAttributeError, ConfigKeyError, OmegaConfBaseException

from seqrec.config.check.combine import conflicts
from seqrec.config.check.components import component_mistakes
from seqrec.config.check.impossible import impossible
from seqrec.config.check.mistakes import reason, refuse, unknown
from seqrec.config.check.ranges import out_of_range
from seqrec.config.check.unresolved import unresolved
from seqrec.config.cli.elsewhere import searched
from seqrec.config.cli.help import help_text
from seqrec.config.cli.jobs import of_jobs
from seqrec.config.cli.launcher import launcher_mistakes
from seqrec.config.cli.resume import resume_arguments
from seqrec.config.cli.unknown_key import unknown_key
from seqrec.config.compose import Composer, to_values, value_keys
from seqrec.config.meaning import key_of
from seqrec.disk.writable import check_folder

SWEEP_FLAGS = ("-m", "--multirun")


def check_command_line(
    argv: list[str], *, config_dir: Path, config_name: str = "train", options: Iterable[str] = ()
) -> list[str]:
    """Check the arguments of a program whose configuration is in `config_dir`.

    Args:
        argv: arguments without the program's name.
        config_dir: folder of the configuration tree.
        config_name: primary config.
        options: keys of the program itself, to suggest for an unknown key.

    Returns:
        The arguments for Hydra: the same, with ``resume=`` replaced by the folder to continue in.
        ``--cfg job`` prints the configuration of the run, and the program ends. ``--help`` prints
        the help here and ends the program, too, because Hydra takes seconds for it.

    Raises:
        ConfigError: there are mistakes; it lists them all. Each value of a sweep is tried once.
    """
    argv = sorted(argv, key=lambda a: a not in SWEEP_FLAGS)  # argparse wants it before overrides
    flags, strange = get_args_parser().parse_known_args(argv)
    config_dir = config_dir.resolve()
    if flags.help:
        print(help_text(config_dir, config_name))
        sys.exit(0)
    informs = flags.hydra_help or flags.info or flags.shell_completion
    informs = informs or flags.cfg in ("hydra", "all")
    if informs or flags.config_path or flags.config_name or flags.config_dir:
        return argv
    with initialize_config_dir(version_base="1.3", config_dir=str(config_dir)):
        composer = Composer(config_name, searchpath=searched(flags.overrides))
        line = _CommandLine(composer, frozenset(options))
        line.mistakes += [
            f"{text}: no such option; keys are written without dashes, as key=value"
            for text in strange
            if text.startswith("-")
        ]
        overrides = line.parse(flags.overrides, sweeping=flags.multirun)
        line.mistakes += launcher_mistakes(overrides, sweeping=flags.multirun)
        attempts = [line.attempt(variant) for variant in line.variants(overrides)]
        late = of_jobs(composer, overrides) if flags.multirun and not line.mistakes else {}
    refuse(line.mistakes)
    first = attempts[0]
    assert first is not None
    if flags.cfg:
        print(OmegaConf.to_yaml(OmegaConf.create(first[0])))
        sys.exit(0)
    _check_places(first, flags.overrides, sweeping=flags.multirun)
    argv = [late.get(argument, argument) for argument in argv]
    return resume_arguments(argv, *first, sweeping=flags.multirun)


def _check_places(
    composed: tuple[dict[str, Any], dict[str, Any]], given: list[str], *, sweeping: bool
) -> None:
    """Check that the run, or the sweep, has somewhere to write to."""
    config, choices = composed
    below = ("sweeps",) if sweeping else (str(choices["model"]),)
    check_folder(
        Path(config["paths"]["output_dir"], str(choices["data"]), *below), key="paths.output_dir"
    )
    for key in ("hydra.run.dir", "hydra.sweep.dir"):
        for text in given:
            name, _, value = text.partition("=")
            if name == key and "${" not in value:
                check_folder(Path(value.strip("'\"")), key=key)


@dataclass
class _CommandLine:
    composer: Composer
    options: frozenset[str]
    mistakes: list[str] = field(default_factory=list)
    unread: set[str] = field(default_factory=set)  # keys whose values can't be read

    def __post_init__(self) -> None:
        self.parser = OverridesParser.create(config_loader=self.composer.loader)

    def parse(self, texts: list[str], *, sweeping: bool) -> list[Override]:
        """Parse each override separately, so that a bad one doesn't hide other mistakes."""
        overrides = []
        for text in texts:
            try:
                if text.startswith("="):
                    raise HydraException
                (override,) = self.parser.parse_overrides([text])
            except HydraException:
                self.mistakes.append(f"{text}: can't be read; {self._quoted(text)}")
                self.unread.add(key_of(text))
                continue
            if override.is_sweep_override() and not sweeping:
                problem = f"{text}: several values need -m (a sweep)"
                if self.composer.takes_list(override.key_or_group):
                    problem += f"; write a list as {override.key_or_group}=[a,b]"
                self.mistakes.append(problem)
            elif override.is_sweep_override() and not override.is_discrete_sweep():
                self.mistakes.append(f"{text}: a sweep can't go over an interval; list the values")
            else:
                overrides.append(override)
        return overrides

    def variants(self, overrides: list[Override]) -> Iterator[list[Override]]:
        """Yield all first values, then each further value with first values for other keys."""
        values = [self._values(override) for override in overrides]
        first = [options[0] for options in values]
        yield first
        for at, options in enumerate(values):
            for option in options[1:]:
                yield [*first[:at], option, *first[at + 1 :]]

    def attempt(self, overrides: list[Override]) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """Compose, record all mistakes, and return the plain configuration and the choices."""
        written = [override.input_line or "" for override in overrides]
        groups, values = [], []
        for override in overrides:
            is_group = override.key_or_group in self.composer.groups
            if override.is_hydra_override() or (is_group and self._is_option(override)):
                groups.append(override.input_line or "")
            elif not is_group:
                values.append(override)
        try:
            config, choices = self.composer.compose(groups, overrides=written)
            self.mistakes += [each for o in overrides for each in self._lost(groups, o)]
        except (HydraException, OmegaConfBaseException) as error:
            self.mistakes.append(reason(error))
            return None
        for override in values:
            self._apply(config, override, choices)
        resolved: dict[str, Any] | None
        try:
            resolved = to_values(config, whole=True)
        except OmegaConfBaseException:  # why, and of which keys, takes longer to find out
            resolved = self._resolved(config)
        if resolved is None:
            return None
        self.mistakes += [
            *component_mistakes(resolved),
            *conflicts(resolved),
            *out_of_range(resolved),
            *impossible(resolved),
        ]
        return resolved, choices

    def _resolved(self, config: DictConfig) -> dict[str, Any] | None:
        """Record what keeps a configuration from being resolved; return what it is otherwise."""
        if lost := list(unresolved(config)):
            self.mistakes += lost
            return None
        for key in sorted(OmegaConf.missing_keys(config) - self.unread):
            options = self.composer.options(key) if key in self.composer.groups else ["..."]
            self.mistakes.append(f"{key}: must be given ({key}={'|'.join(options)})")
        try:
            return to_values(config)
        except OmegaConfBaseException as error:
            self.mistakes.append(reason(error))
            return None

    def _lost(self, groups: list[str], override: Override) -> Iterator[str]:
        """Describe an override of Hydra's own keys that leads nowhere."""
        if override.is_hydra_override() and "${" in (override.input_line or ""):
            for mistake in unresolved(self.composer.whole(groups)):
                if mistake.startswith(f"{override.key_or_group}="):
                    yield mistake

    def _quoted(self, text: str) -> str:
        """Return how to type an override that can't be read."""
        key, equals, value = text.partition("=")
        better = f"{key}={QuotedString(value, Quote.double).with_quotes()}"
        try:
            self.parser.parse_overrides([better])
        except HydraException:
            equals = ""
        if not equals or not key:
            return """write key=value, with quotes around special characters: 'key="a, b"'"""
        return f"write it in quotes: {shlex.quote(better)}"

    def _values(self, override: Override) -> list[Override]:
        if not override.is_sweep_override():
            return [override]
        key = override.get_key_element()
        texts = [f"{key}={value}" for value in override.sweep_string_iterator()]
        if not texts:
            self.mistakes.append(f"{override.input_line}: has no values; list one or more")
        if twice := next((text for text in texts if texts.count(text) > 1), None):
            self.mistakes.append(
                f"{override.input_line}: has {twice} more than once, which would be the same run"
            )
        return self.parser.parse_overrides(texts or [f"{key}=null"])

    def _is_option(self, override: Override) -> bool:
        group, value = override.key_or_group, override.value()
        options = self.composer.options(group)
        names = value if isinstance(value, list) else [value]
        if isinstance(value, list) and not self.composer.takes_list(group):
            some = ",".join(map(str, value))
            self.mistakes.append(
                f"{override.input_line}: choose one option, or try each with -m {group}={some}"
            )
            return False
        if None in names:  # Hydra can't remove a group once it was chosen
            self.mistakes.append(f"{group}=null: choose one of {', '.join(options)}")
            return False
        wrong = [str(n) for n in names if str(n) not in options]
        for name in wrong:
            problem = unknown(name, options, prefix=f"{group}=", noun="choices")
            self.mistakes.append(f"{group}={name}: {problem}")
        return not wrong

    def _apply(self, config: DictConfig, override: Override, choices: dict[str, Any]) -> None:
        key, parent = override.key_or_group, override.key_or_group.rpartition(".")[0]
        adds = override.is_add() or override.is_force_add()
        if parent in self.composer.groups and OmegaConf.select(config, parent) is None:
            if choices.get(parent) is not None:  # its file sets keys of others
                noun = f"allowed by {parent}={choices[parent]}"
                problem = unknown(key[len(parent) + 1 :], (), noun=noun, keys=value_keys(config))
                self.mistakes.append(f"{key}: {problem}")
                return
            problem = f"{key}: model={choices.get('model')} has no {parent}"
            fixed = parent == "baseline" or config.get("baseline") is not None
            chosen = [] if fixed else self.composer.options(parent)
            self.mistakes.append(
                f"{problem}; choose {parent}={'|'.join(chosen)}" if chosen else problem
            )
            return
        try:
            if override.is_delete():
                node = OmegaConf.select(config, parent) if parent else config
                with open_dict(node):
                    del node[key.rpartition(".")[2]]
            else:
                fixed = adds and _is_typed(config, parent)
                OmegaConf.update(config, key, override.value(), force_add=adds and not fixed)
        except (ConfigKeyError, ConfigAttributeError, TypeError):
            known = self.composer.groups | self.options
            self.mistakes.append(f"{key}: {unknown_key(config, key, choices, known)}")
        except OmegaConfBaseException as error:
            self.mistakes.append(f"{key}: {reason(error)}")


def _is_typed(config: DictConfig, key: str) -> bool:
    """Return whether the schema fixes the keys of a node."""
    node = OmegaConf.select(config, key) if key else config
    return isinstance(node, DictConfig) and OmegaConf.get_type(node) is not dict
