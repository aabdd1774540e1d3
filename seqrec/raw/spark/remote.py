"""Files that have a URL: what Spark finds there."""

import re
from pathlib import Path
from typing import Any

from seqrec.errors import DataError
from seqrec.raw.parse.parts import HIDDEN, by_numbers

URL = re.compile(r"[a-z][a-z0-9]*://", re.IGNORECASE)
HADOOP = {"s3://": "s3a://"}  # what Hadoop calls a scheme


Remote = tuple[str, int, int]  # a file, its size in bytes, and its time in milliseconds


def is_url(path: str) -> bool:
    """Return whether a path has a scheme: ``s3://``, ``hdfs://``, ``gs://``, ``file://``, ..."""
    return URL.match(path) is not None


def files_of(session: Any, url: str) -> list[Remote]:
    """Return the files of a URL: itself, those of a folder, or those that fit a pattern.

    Several come in the order of their names, with numbers in them by value. Hidden and empty files
    are left out.

    Args:
        session: the ``SparkSession``.
        url: of a file, a folder or a pattern.

    Raises:
        DataError: there is no such file.
    """
    for scheme, name in HADOOP.items():
        url = re.sub(f"^{scheme}", name, url)
    context = session.sparkContext
    path = context._jvm.org.apache.hadoop.fs.Path(url)
    system = path.getFileSystem(context._jsc.hadoopConfiguration())
    found: list[Remote] = []
    for root in system.globStatus(path) or ():
        below = root.getPath().toString()
        each = system.listFiles(root.getPath(), True)
        while each.hasNext():
            status = each.next()
            name = status.getPath().toString()
            inner = name.removeprefix(below).split("/")
            if status.getLen() and not any(part.startswith(HIDDEN) for part in inner):
                found.append((name, status.getLen(), status.getModificationTime()))
    if not found:
        raise DataError(
            f"{url} names no file, besides hidden and empty ones",
            where="data.path",
            todo="correct data.path, data.valid_path or data.test_path",
        )
    return sorted(found, key=lambda file: by_numbers(Path(file[0])))
