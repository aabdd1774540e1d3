"""A dataset that seqrec prepared before: a folder of the cache, also on an object store."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, NoReturn

from seqrec.errors import DataError
from seqrec.raw.spark.remote import is_url


@dataclass(frozen=True, kw_only=True)
class Store:
    """A prepared dataset, which is opened as it is.

    Args:
        path: the folder that holds ``store.json``, relative to `raw_dir` if that is given; or a URL
            that fsspec can read, such as ``s3://bucket/folder``.
        raw_dir: folder of `path`; or a URL.
    """

    is_prepared: ClassVar[bool] = True

    path: str
    raw_dir: str | None = None

    @property
    def name(self) -> str:
        """See :class:`~seqrec.raw.source.Source`."""
        return re.sub(r"[^\w.-]", "_", Path(self.prepared).name) or "store"

    @property
    def prepared(self) -> str:
        """The folder or the URL."""
        if is_url(self.path):
            return self.path
        if is_url(self.raw_dir or ""):
            return f"{str(self.raw_dir).rstrip('/')}/{self.path}"
        return str(Path(self.raw_dir or "", self.path).expanduser())

    def files(self) -> list[Path]:
        """See :class:`~seqrec.raw.source.Source`; there are no raw files."""
        return []

    def read(self) -> NoReturn:
        """Say that there is nothing to prepare.

        Raises:
            DataError: always.
        """
        raise DataError(
            "a prepared dataset has no raw events, which updates and other steps need",
            where=f"data.path={self.prepared}",
            todo="name the data that it was prepared from, such as data=files data.path=...",
        )
