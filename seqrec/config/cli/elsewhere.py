"""Configuration outside of the project: ``hydra.searchpath=[file://FOLDER]``."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from seqrec.config.check.mistakes import refuse

KEY, SCHEME = "hydra.searchpath", "file://"


def searched(overrides: Iterable[str]) -> list[str]:
    """What a command line adds to Hydra's search path.

    Raises:
        ConfigError: not all of it are folders that are there.
    """
    texts = [text for text in overrides if text.startswith(f"{KEY}=")]
    try:
        values: list[Any] = [
            override.value() for override in OverridesParser.create().parse_overrides(texts)
        ]
    except HydraException:
        values = list(texts)
    listed = [value if isinstance(value, list) else [str(value)] for value in values]
    places = [str(place) for value in listed for place in value]
    there = [place.startswith(SCHEME) and folder_of(place).is_dir() for place in places]
    refuse(
        [f"{KEY}: {place} is no folder" for place, ok in zip(places, there, strict=True) if not ok],
        todo=f"write '{KEY}=[{SCHEME}FOLDER]'; a relative one is looked for in {Path.cwd()}",
    )
    return places


def folder_of(place: str) -> Path:
    """The folder that an entry of the search path names."""
    return Path(place.removeprefix(SCHEME))
