"""The data that a run was trained on, if it can still be read."""

from contextlib import suppress
from pathlib import Path

import polars as pl

from seqrec.build import build_source
from seqrec.columns import event_column
from seqrec.config.schema import Root
from seqrec.errors import DataError, RunError
from seqrec.raw.ids import tidy_id
from seqrec.recommend.items import Items
from seqrec.recommend.session import Session
from seqrec.run.folder import RunFolder
from seqrec.store.prepare import prepare
from seqrec.store.store import SequenceStore


def store_of_run(config: Root, data_hash: str) -> SequenceStore:
    """Return the data of a run.

    Args:
        config: the run's configuration.
        data_hash: hash of the data that it was trained on.

    Raises:
        DataError: the data can no longer be read.
        RunError: the data has changed.
    """
    store = prepare(build_source(config), config.prepare, Path(config.paths.cache_dir))
    if store.data_hash != data_hash:
        raise RunError(
            "the data isn't what the run was trained on",
            where=f"{data_hash[:12]} then, {store.data_hash[:12]} now ({store.name})",
            todo="give items='[...]' instead, or train a new run",
        )
    return store


def session_of_user(
    store: SequenceStore, user: str, *, items: Items, wanted: tuple[str, ...]
) -> Session:
    """Return the whole history of a user.

    Args:
        store: the data of the run.
        user: original id.
        items: the run's items.
        wanted: event columns that the model reads.

    Raises:
        DataError: the data doesn't have this user.
    """
    users = store.users()
    found = users.filter(pl.col("user") == tidy_id(user))["index"]
    if found.is_empty():
        raise DataError(
            f"{store.name} has no user {user!r} (after filtering)",
            todo=f"give an id such as {', '.join(users['user'][:3])}, or items='[...]' instead",
        )
    index = found[0]
    events = slice(store.offset[index], store.offset[index + 1])
    context = {name: event_column(store, name)[events].tolist() for name in wanted}
    for name in context.keys() & store.categories.keys():
        names = [None, *store.categories[name]]
        context[name] = [names[code] for code in context[name]]
    times = None if store.timestamp is None else store.timestamp[events].tolist()
    chosen = [items.ids[i - 1] for i in store.item[events].tolist()]
    return Session(chosen, index, context, times=times)


def find_data(folder: RunFolder, config: Root) -> SequenceStore:
    """Return the run's data: from the cache, without the raw files, or prepared from them.

    Raises:
        RunError: the data isn't what the run was trained on.
    """
    about = folder.about()
    cache = Path(config.paths.cache_dir)
    with suppress(DataError, KeyError):
        store = SequenceStore(cache.expanduser() / Path(about["store"]).name)
        if store.data_hash == about["data_hash"]:
            return store
    store = prepare(build_source(config), config.prepare, cache)
    if store.data_hash != about["data_hash"]:
        raise RunError(
            "the data isn't what the run was trained on",
            where=f"{about['data_hash'][:12]} then, {store.data_hash[:12]} now ({store.name})",
            todo="restore the raw files of the run, or train a new run",
        )
    return store
