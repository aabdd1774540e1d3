"""Stores behind a URL: opened in a cache, what was fetched of them, and that they are the same."""

from pathlib import Path

import numpy as np

from seqrec.config.schema import Prepare
from seqrec.data.store import Store
from seqrec.store.prepare import prepare
from seqrec.store.store import SequenceStore

URL = "memory://bucket/few"


def opened(cache: Path, url: str = URL) -> SequenceStore:
    return prepare(Store(path=url), Prepare(), cache)


def kept(cache: Path) -> set[str]:
    """The files that were fetched."""
    [folder] = (path for path in cache.iterdir() if path.is_dir())
    files = (path for path in folder.rglob("*") if path.is_file())
    names = {str(path.relative_to(folder)) for path in files}
    return {name for name in names if not name.endswith(".lock")}


def same(one: SequenceStore, other: SequenceStore) -> None:
    assert one.data_hash == other.data_hash
    assert np.array_equal(one.offset, other.offset)
    assert np.array_equal(one.item, other.item) and np.array_equal(one.rating, other.rating)
    assert one.users().equals(other.users()) and one.items().equals(other.items())
