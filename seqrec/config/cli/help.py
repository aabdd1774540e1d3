"""The text of ``--help``: the template of the primary config with all groups and options."""

from pathlib import Path
from string import Template
from textwrap import wrap

from omegaconf import OmegaConf

from seqrec.home import as_started

# what other commands choose from: no groups of a run
ELSEWHERE = (
    *("tune", "explainer", "generator", "index", "state", "policy", "estimator", "growth"),
    *("gate", "compress"),
)


def help_text(config_dir: Path, config_name: str) -> str:
    """Fill ``hydra.help.template`` of the primary config, without composing it, which is slow.

    ``$APP_CONFIG_GROUPS`` stands for the groups and their options.
    """
    primary = OmegaConf.load(config_dir / f"{config_name}.yaml")
    template = OmegaConf.select(primary, "hydra.help.template")
    filled = Template(template).safe_substitute(APP_CONFIG_GROUPS=_groups(config_dir))
    return as_started(filled)


def _groups(config_dir: Path) -> str:
    options: dict[str, list[str]] = {}
    for file in sorted(config_dir.glob("*/*.yaml")):
        if file.parent.name in ELSEWHERE:
            continue
        options.setdefault(file.parent.name, []).append(file.stem)
    width = max((len(group) for group in options), default=0)
    lines = []
    for group, names in options.items():
        indent = f"  {'':{width}}  "
        first = f"  {group:<{width}}  "
        lines += wrap(", ".join(names), 96, initial_indent=first, subsequent_indent=indent)
    return "\n".join(lines)
