"""An update: from a finished run and newer events to a run of its own."""

import glob
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
from omegaconf import OmegaConf

from seqrec.build import build_source
from seqrec.config.schema import Root
from seqrec.config.typed import plain_values
from seqrec.disk.held import clear_left, held
from seqrec.errors import WriteError
from seqrec.experiment.evaluate import find_data
from seqrec.experiment.run import run
from seqrec.home import command
from seqrec.raw.source import Known
from seqrec.run.audited import weights_hash
from seqrec.run.checkpoints import checkpoints_of
from seqrec.run.claim import BEFORE, BEGUN, claim_beside
from seqrec.run.folder import RunFolder
from seqrec.store.prepare import prepare
from seqrec.store.store import SequenceStore
from seqrec.terminal.say import say
from seqrec.update.check import check_goes_on, check_updatable
from seqrec.update.compose import Knobs, composed, is_update, renewed, source_of
from seqrec.update.feedback import KEPT, Collected, Quarantine, collect, write_events
from seqrec.update.judge import FILE, judge_update
from seqrec.update.source import read_table, write_known

KNOWN, EVENTS = "known.parquet", "feedback.parquet"


@dataclass(frozen=True)
class News:
    """Where newer events are.

    Args:
        place: of the files of the run's data; None: where they were.
        log: folder of a feedback log; None: there is none.
        kinds: outcomes of the log that count.
        quarantine: what of the log is ruled out.
    """

    place: str | None = None
    log: Path | None = None
    kinds: tuple[str, ...] = ("click",)
    quarantine: Quarantine = field(default_factory=Quarantine)

    def collect(self, root: Root, before: SequenceStore, since: int) -> Collected | None:
        """Return the events of the log, with those that the run already had from one."""
        had = root.data.get("events_path") if is_update(root) else None
        if self.log is None:
            if had is None:
                return None
            return Collected(self.quarantine.without(read_table(Path(had), KEPT)))
        return collect(
            self.log,
            kinds=self.kinds,
            since=since,
            items=before.items()["item"],
            quarantine=self.quarantine,
            earlier=None if had is None else Path(had),
        )


def update(
    parent: RunFolder,
    root: Root,
    *,
    news: News,
    growth: dict[str, Any],
    knobs: Knobs,
    out: Path | None,
    typed: str,
) -> tuple[RunFolder, dict[str, Any]]:
    """Train an update and judge it.

    Args:
        parent: the run to update.
        root: its configuration.
        news: where newer events are.
        growth: settings of what makes the rows of new items.
        knobs: how it learns.
        out: the new run's folder; None: beside the run.
        typed: the command, for the record.

    Returns:
        The new run's folder, and what :func:`~seqrec.update.judge.judge_update` found.

    Raises:
        SeqrecError: something the user can fix; nothing is left behind.
    """
    before, about = find_data(parent, root), parent.about()
    check_updatable(root, before)
    assert before.timestamp is not None
    since = int(before.timestamp.max()) + 1
    base = renewed(source_of(root), news.place)
    logged = news.collect(root, before, since)
    names = before.users()["user"]
    users = names if logged is None else _without(names, logged.gone, root)
    with _claimed(out, parent) as folder:
        write_known(
            folder.path / KNOWN, Known(items=before.items()["item"], users=users, since=since)
        )
        if logged is not None:
            write_events(folder.path / EVENTS, logged.events)
        had = {
            "users": before.n_users,
            "items": before.n_items,
            "events": before.n_interactions,
        }
        config = composed(
            root,
            base=base,
            known_path=folder.path / KNOWN,
            events_path=None if logged is None else folder.path / EVENTS,
            since=since,
            update={
                "parent": str(parent.path),
                "fingerprint": about["fingerprint"],
                "weights": weights_hash(parent),
                "growth": growth,
                "had": had,
                "typed": typed,
            },
            knobs=knobs,
        )
        store = prepare(build_source(config), config.prepare, Path(config.paths.cache_dir))
        check_goes_on(before, store, since=since, gone=names.filter(users.is_null()))
        return folder, trained(folder, config, about)


def trained(folder: RunFolder, config: Root, about: dict[str, Any]) -> dict[str, Any]:
    """Train a composed update, from its last checkpoint if there is one, and judge it.

    Args:
        folder: its folder.
        config: its configuration.
        about: the ``run.json`` of the run that it updates, or its own.
    """
    if not folder.finished:
        node = OmegaConf.create(plain_values(config))
        run(node, folder.path, choices=about["choices"], overrides=about["overrides"])
    found = judge_update(folder, config)
    folder.write_text(FILE, json.dumps(found, indent=2) + "\n")
    return found


def _without(users: pl.Series, gone: list[str], root: Root) -> pl.Series:
    """Return the users with null for those who are gone, with all their sessions."""
    person = users.str.replace(r"/\d+$", "") if root.prepare.session_gap is not None else users
    return pl.select(pl.when(person.is_in(gone)).then(None).otherwise(users)).to_series()


@contextmanager
def _claimed(out: Path | None, parent: RunFolder) -> Iterator[RunFolder]:
    """Yield a folder that only this process has; it is removed if nothing was trained in it.

    So are the folders of updates that were killed before anything was.

    Raises:
        RunError: `out` is there.
        WriteError: it can't be made, or the disk is full; what was trained by then goes on with
            ``resume=``.
    """
    pattern = f"{glob.escape(parent.path.name)}_updated*"
    for left in clear_left(parent.path.parent, pattern, _is_left):
        say(f"removed  {left}: an update that was killed before its first checkpoint")
    todo = f"; a stopped update goes on with resume={out}"
    out = claim_beside(parent.path, "updated", out, todo=todo)
    with held(out):
        try:
            yield RunFolder(out, parent.trust)
        except BaseException as error:
            if not checkpoints_of(out):
                shutil.rmtree(out, ignore_errors=True)
            elif isinstance(error, WriteError):
                todo = f"make room on this disk, then {command('update', f'resume={out}')}"
                raise WriteError(error.what, where=error.where, todo=todo) from error
            raise


def _is_left(folder: Path) -> bool:
    """Return whether a folder is that of an update which hadn't trained anything when it ended."""
    names = {path.name for path in folder.iterdir()}
    return (
        KNOWN in names and names <= {KNOWN, EVENTS, *BEFORE, *BEGUN} and not checkpoints_of(folder)
    )
