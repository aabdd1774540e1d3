"""The best trial as an experiment file that ``train.py`` takes."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from seqrec.config.cli.elsewhere import KEY, searched
from seqrec.config.compose import Composed, to_values
from seqrec.config.meaning import ELSEWHERE, key_of, meaning_of, values_of
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
    where = searching(folder, given)
    own = [each for each in given if each.startswith(f"{KEY}=")]
    kept = [each for each in given if not left_to_command(each)]
    choices = compose(own).choices
    groups = [each.partition("=") for each in kept if each.partition("=")[0] in choices]
    keys = [each for each in kept if each.partition("=")[0] not in choices]
    values = OmegaConf.from_dotlist(keys)
    file = folder / "experiment" / f"{name}.yaml"
    wanted = values_of(to_values(compose([*own, *kept]).config))
    for _ in range(2):  # the second time with the keys that the order of files changed
        _write(file, head, groups, values)
        got = values_of(to_values(compose([where, f"experiment={name}"]).config))
        different = {key: value for key, value in wanted.items() if got.get(key) != value}
        if not different:
            break
        for key, value in different.items():
            OmegaConf.update(values, key, value)
    return file


def left_to_command(override: str) -> bool:
    """Return whether an override names files, places or labels, which no recipe contains."""
    return meaning_of(key_of(override)) in ELSEWHERE


def searching(folder: Path, given: Iterable[str]) -> str:
    """Return the override that adds `folder` to the search path of `given`."""
    return f"{KEY}=[{','.join([*searched(given), f'file://{folder.absolute()}'])}]"


def _write(file: Path, head: list[str], groups: list[tuple[str, str, str]], values: Any) -> None:
    lines = ["# @package _global_", *(f"# {line}" for line in head)]
    if groups:
        lines += ["defaults:", *(f"  - override /{group}: {option}" for group, _, option in groups)]
    text = "\n".join(lines) + "\n"
    if values:
        text += f"\n{OmegaConf.to_yaml(values)}"
    RunFolder(file.parent).write_text(file.name, text)
