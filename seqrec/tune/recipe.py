"""The best trial as an experiment file that ``train.py`` takes."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from seqrec.config.cli.elsewhere import KEY, SCHEME, searched, searching_in
from seqrec.config.compose import Composed, to_values
from seqrec.config.meaning import ELSEWHERE, key_of, meaning_of, values_of
from seqrec.home import CONFIGS
from seqrec.run.folder import RunFolder

Compose = Callable[[list[str]], Composed]


def write_recipe(
    folder: Path, name: str, given: Iterable[str], *, compose: Compose, head: list[str]
) -> Path:
    """Write ``experiment/<name>.yaml`` below `folder`, equivalent to some overrides.

    Args:
        folder: folder for ``hydra.searchpath``.
        name: name of the experiment.
        given: the overrides that it stands for; see :func:`left_to_command`.
        compose: composes configuration and choices from overrides of ``train.py``.
        head: lines of a comment at the top of the file.
    """
    given = list(given)
    where, left = searching(folder, given), beside_recipe(given)
    kept = [each for each in given if not left_to_command(each)]
    wanted = compose(given)
    choices = wanted.choices
    groups = [each.partition("=") for each in kept if each.partition("=")[0] in choices]
    if any(key_of(each) == "experiment" for each in given):
        usual = compose([each for each in given if key_of(each) == KEY]).choices
        groups = [*_changed(choices, usual), *groups]
    keys = [each for each in kept if each.partition("=")[0] not in choices]
    values = OmegaConf.from_dotlist(keys)
    file = folder / "experiment" / f"{name}.yaml"
    values_wanted = values_of(to_values(wanted.config))
    for _ in range(2):  # the second time with the keys that the order of files changed
        _write(file, head, groups, values)
        got = values_of(to_values(compose([where, f"experiment={name}", *left]).config))
        different = {key: value for key, value in values_wanted.items() if got.get(key) != value}
        if not different:
            break
        for key, value in different.items():
            OmegaConf.update(values, key, value)
    return file


def left_to_command(override: str) -> bool:
    """Return whether an override names files, places or labels, which no recipe contains."""
    return meaning_of(key_of(override)) in ELSEWHERE


def beside_recipe(given: Iterable[str]) -> list[str]:
    """Return the overrides that are typed beside the recipe: files, places and labels."""
    return [
        each for each in given if left_to_command(each) and key_of(each) not in (KEY, "experiment")
    ]


def searching(folder: Path, given: Iterable[str]) -> str:
    """Return the override that adds `folder` to the search path of `given`."""
    return searching_in([*searched(given), f"{SCHEME}{folder.absolute()}"])


def _changed(choices: dict[str, Any], usual: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return the groups for which another recipe chose another file than usual."""
    return [
        (group, "=", str(option))
        for group, option in choices.items()
        if option != usual.get(group) and (CONFIGS / group / f"{option}.yaml").is_file()
    ]


def _write(file: Path, head: list[str], groups: list[tuple[str, str, str]], values: Any) -> None:
    lines = ["# @package _global_", *(f"# {line}" for line in head)]
    if groups:
        lines += ["defaults:", *(f"  - override /{group}: {option}" for group, _, option in groups)]
    text = "\n".join(lines) + "\n"
    if values:
        text += f"\n{OmegaConf.to_yaml(values)}"
    RunFolder(file.parent).write_text(file.name, text)
