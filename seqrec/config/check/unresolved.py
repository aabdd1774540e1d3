"""Check that every interpolation, ``${key}`` or ``${oc.env:NAME}``, leads somewhere."""

import re
from collections.abc import Iterator
from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import InterpolationToMissingValueError, OmegaConfBaseException

from seqrec.config.check.mistakes import reason


def unresolved(config: DictConfig) -> Iterator[str]:
    """Describe each interpolation that leads nowhere; those that only follow it aren't repeated."""
    found = list(_failures(config))
    own = [line for line, raw, name in found if name and name in raw]
    yield from dict.fromkeys(own or [line for line, _, _ in found])


def _failures(node: DictConfig | ListConfig, path: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield what is wrong, the text of the interpolation, and the name that isn't known."""
    keys: Any = node.keys() if isinstance(node, DictConfig) else range(len(node))
    for key in keys:
        at = f"{path}.{key}" if path else str(key)
        if OmegaConf.is_missing(node, key):
            continue
        if not OmegaConf.is_interpolation(node, key):
            if isinstance(node[key], DictConfig | ListConfig):
                yield from _failures(node[key], at)
            continue
        raw = str(node._get_node(key)._value())  # type: ignore[union-attr]
        try:
            node[key]
        except InterpolationToMissingValueError:
            continue  # a value that must be given: said elsewhere
        except OmegaConfBaseException as error:
            what, name = _words(reason(error))
            yield f"{at}={raw}: {what}", raw, name


def _words(text: str) -> tuple[str, str]:
    for form, words in (
        (r"Environment variable '([^']+)' not found", "the environment variable {} isn't set"),
        (r"Interpolation key '([^']+)' not found", "there is no key {}"),
        (r"Unsupported interpolation type (\S+)", "there is no resolver {}"),
    ):
        if found := re.search(form, text):
            return words.format(found[1]), found[1]
    return text, ""
