"""Keys of a sweep that only its jobs have, as those of a component that the sweep goes over."""

from collections.abc import Sequence

from hydra.core.override_parser.types import Override
from omegaconf import OmegaConf
from omegaconf.errors import ConfigAttributeError, ConfigKeyError

from seqrec.config.compose import Composer


def of_jobs(composer: Composer, overrides: Sequence[Override]) -> dict[str, str]:
    """Return what Hydra has to be given in place of such keys, by what was typed.

    Hydra composes a sweep without what it goes over, and ends at a key that isn't there, such as
    ``encoder.heads`` in ``-m model=sasrec,transformer_attn encoder.heads=2``. Given a sweep over
    the key's one value instead, it leaves the key to the jobs.
    """
    fixed = [each for each in overrides if not each.is_sweep_override()]
    groups = [o for o in fixed if o.key_or_group in composer.groups or o.is_hydra_override()]
    written = [override.input_line or "" for override in groups]
    config, _ = composer.compose(written, overrides=written)
    late = {}
    for override in fixed:
        text = override.input_line or ""
        key, _, value = text.partition("=")
        adds = override.is_add() or override.is_force_add()
        if override in groups or adds or not value:
            continue
        try:
            OmegaConf.update(config, key, override.value())
        except (ConfigKeyError, ConfigAttributeError, TypeError):
            late[text] = f"{key}=choice({value})"
    return late
