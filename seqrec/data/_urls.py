"""Files of events that have URLs, which Spark reads."""

from collections.abc import Mapping, Sequence
from typing import Any

from seqrec.errors import ConfigError
from seqrec.raw.spark.remote import is_url

TABLES = ("items_path", "users_path")
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
        ConfigError: only some parts have a URL, a setting is none of Spark's, or a table of items
            or users has a URL.
    """
    for key in TABLES:
        if is_url(settings[key] or ""):
            raise ConfigError(
                f"{settings[key]} is a URL, and tables of items and users are read from a disk",
                where=f"data.{key}",
                todo=f"copy the file to a disk, and set data.{key} to its path",
            )
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
