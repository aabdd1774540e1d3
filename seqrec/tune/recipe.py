"""The best trial as an experiment file that ``train.py`` takes."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from seqrec.config.cli.elsewhere import KEY, searched
from seqrec.config.cli.resume import what_matters
from seqrec.config.compose import plain
from seqrec.run.fingerprint import PLACES as OF_DATA
from seqrec.run.folder import RunFolder

PLACES = (*OF_DATA, "paths.", "logger")
Compose = Callable[[list[str]], tuple[DictConfig, dict[str, str], Path]]


def write_recipe(
    folder: Path, name: str, given: Iterable[str], *, compose: Compose, head: list[str]
) -> Path:
    """Write ``experiment/<name>.yaml`` below `folder`; chosen, it gives the same configuration.

    Args:
        folder: that ``hydra.searchpath`` will name.
        name: of the experiment.
        given: the overrides that it stands for; those that name places are left to the command.
        compose: configuration and choices of overrides of ``train.py``.
        head: what the file says first, line by line.
    """
    given = list(given)
    where = searching(folder, given)
    own = [each for each in given if each.startswith(f"{KEY}=")]
    kept = [each for each in given if not each.startswith((*PLACES, KEY))]
    _, choices, _ = compose(own)
    groups = [each.partition("=") for each in kept if each.partition("=")[0] in choices]
    keys = [each for each in kept if each.partition("=")[0] not in choices]
    values = OmegaConf.from_dotlist(keys)
    file = folder / "experiment" / f"{name}.yaml"
    wanted, _, _ = compose([*own, *kept])
    for _ in range(2):  # once more with what the order of files made otherwise
        _write(file, head, groups, values)
        got, _, _ = compose([where, f"experiment={name}"])
        different = _differing(_flat(wanted), _flat(got))
        if not different:
            break
        for key, value in different.items():
            OmegaConf.update(values, key, value)
    return file


def searching(folder: Path, given: Iterable[str]) -> str:
    """The override that makes the recipe of `folder` known, beside what `given` searches."""
    return f"{KEY}=[{','.join([*searched(given), f'file://{folder.absolute()}'])}]"


def _write(file: Path, head: list[str], groups: list[tuple[str, str, str]], values: Any) -> None:
    lines = ["# @package _global_", *(f"# {line}" for line in head)]
    if groups:
        lines += ["defaults:", *(f"  - override /{group}: {option}" for group, _, option in groups)]
    text = "\n".join(lines) + "\n"
    if values:
        text += f"\n{OmegaConf.to_yaml(values)}"
    RunFolder(file.parent).write_text(file.name, text)


def _flat(config: DictConfig) -> dict[str, Any]:
    return what_matters(plain(config))


def _differing(wanted: dict[str, Any], got: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in wanted.items() if not k.startswith(PLACES) and got.get(k) != v}
