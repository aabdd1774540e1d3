"""Read ``hydra.searchpath=[file://FOLDER]``: folders of configuration outside the project."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Quote, QuotedString
from hydra.errors import HydraException

from seqrec.config.check.mistakes import refuse

PLAIN = re.compile(r"[\w:/.@%+-]+")  # what Hydra reads without quotes
KEY, SCHEME = "hydra.searchpath", "file://"


def searched(overrides: Iterable[str]) -> list[str]:
    """Return what a command line adds to Hydra's search path.

    Raises:
        ConfigError: an entry isn't an existing folder.
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
    found = [place.startswith(SCHEME) and folder_of(place).is_dir() for place in places]
    refuse(
        [f"{KEY}: no folder {place}" for place, ok in zip(places, found, strict=True) if not ok],
        todo=f"write '{KEY}=[{SCHEME}FOLDER]'; relative paths start from {Path.cwd()}",
    )
    return places


def searching_in(places: Iterable[str]) -> str:
    """Return the override that sets the search path; what Hydra can't read is quoted."""
    texts = [
        place if PLAIN.fullmatch(place) else QuotedString(place, Quote.double).with_quotes()
        for place in places
    ]
    return f"{KEY}=[{','.join(texts)}]"


def folder_of(place: str) -> Path:
    """Return the folder that an entry of the search path names."""
    return Path(place.removeprefix(SCHEME))
