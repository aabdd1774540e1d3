"""Files of events that have URLs, which Spark reads."""

from collections.abc import Mapping, Sequence
from typing import Any

from seqrec.errors import ConfigError

PLAIN = {  # values of the keys that only the readers of local files understand
    **{"where": None, "decimal": None, "order": "file", "time_format": None, "time_zone": None},
    **{"header": True, "encoding": "utf-8"},
}


def check_urls(paths: Sequence[str], urls: Sequence[str], settings: Mapping[str, Any]) -> None:
    """Check that Spark can read what has a URL.

    Args:
        paths: of all parts of the events.
        urls: those that have a URL.
        settings: of the source, by key.

    Raises:
        ConfigError: only some parts have a URL, or a setting is none of Spark's.
    """
    if urls and len(urls) < len(paths):
        raise ConfigError(
            "some parts of the events have URLs, and others don't",
            where="data.path, data.valid_path, data.test_path",
            todo="give all of them URLs (file:///FOLDER, say), or none",
        )
    refused = [f"data.{key}" for key, plain in PLAIN.items() if settings[key] != plain]
    if urls and refused:
        raise ConfigError(
            f"Spark reads {urls[0]}, which it can't do with {', '.join(refused)}",
            where=", ".join(refused),
            todo="leave these keys as they are by default, or copy the files to a disk and name "
            "their path",
        )
