"""The best trial as an experiment file that ``train.py`` takes."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from seqrec.config.resume import what_matters

PLACES = ("data.path", "data.items_path", "data.raw_dir", "data.fetch_dir", "paths.", "logger")
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
    kept = [each for each in given if not each.startswith(PLACES)]
    _, choices, _ = compose([])
    groups = [each.partition("=") for each in kept if each.partition("=")[0] in choices]
    keys = [each for each in kept if each.partition("=")[0] not in choices]
    values = OmegaConf.from_dotlist(keys)
    file = folder / "experiment" / f"{name}.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    wanted, _, _ = compose(kept)
    for _ in range(2):  # once more with what the order of files made otherwise
        _write(file, head, groups, values)
        got, _, _ = compose(
            [f"hydra.searchpath=[file://{folder.absolute()}]", f"experiment={name}"]
        )
        different = _differing(_flat(wanted), _flat(got))
        if not different:
            break
        for key, value in different.items():
            OmegaConf.update(values, key, value)
    return file


def _write(file: Path, head: list[str], groups: list[tuple[str, str, str]], values: Any) -> None:
    lines = ["# @package _global_", *(f"# {line}" for line in head)]
    if groups:
        lines += ["defaults:", *(f"  - override /{group}: {option}" for group, _, option in groups)]
    text = "\n".join(lines) + "\n"
    if values:
        text += f"\n{OmegaConf.to_yaml(values)}"
    part = file.with_name(f"{file.name}.part")
    part.write_text(text)
    part.replace(file)


def _flat(config: DictConfig) -> dict[str, Any]:
    plain = OmegaConf.to_container(config, resolve=True, enum_to_str=True)
    assert isinstance(plain, dict)
    return what_matters({str(key): value for key, value in plain.items()})


def _differing(wanted: dict[str, Any], got: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in wanted.items() if not k.startswith(PLACES) and got.get(k) != v}
