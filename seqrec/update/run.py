"""An update: from a finished run and newer events to a run of its own."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from seqrec.build import build_source
from seqrec.config.schema import Root
from seqrec.errors import RunError
from seqrec.experiment.evaluate import find_data
from seqrec.experiment.run import run
from seqrec.raw.source import Known
from seqrec.run.audited import weights_hash
from seqrec.run.checkpoints import checkpoints_of
from seqrec.run.claim import claim
from seqrec.run.folder import RunFolder, to_values
from seqrec.store.prepare import prepare
from seqrec.update.check import check_goes_on, check_updatable
from seqrec.update.compose import Knobs, composed, renewed, source_of
from seqrec.update.judge import FILE, judge_update
from seqrec.update.source import write_known

KNOWN = "known.parquet"


@dataclass(frozen=True)
class News:
    """Where newer events are.

    Args:
        place: of the files of the run's data; None: where they were.
    """

    place: str | None = None
    gone: list[str] = field(default_factory=list)


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
    with _claimed(out, parent) as folder:
        write_known(
            folder.path / KNOWN,
            Known(items=before.items()["item"], users=before.users()["user"], since=since),
        )
        had = {
            "users": before.n_users,
            "items": before.n_items,
            "events": before.n_interactions,
        }
        config = composed(
            root,
            base=base,
            known_path=folder.path / KNOWN,
            events_path=None,
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
        check_goes_on(before, store, since=since, gone=news.gone)
        return folder, trained(folder, config, about)


def trained(folder: RunFolder, config: Root, about: dict[str, Any]) -> dict[str, Any]:
    """Train a composed update, from its last checkpoint if there is one, and judge it.

    Args:
        folder: its folder.
        config: its configuration.
        about: the ``run.json`` of the run that it updates, or its own.
    """
    if not folder.finished:
        node = OmegaConf.create(to_values(config))
        run(node, folder.path, choices=about["choices"], overrides=about["overrides"])
    found = judge_update(folder, config)
    folder.write_text(FILE, json.dumps(found, indent=2) + "\n")
    return found


@contextmanager
def _claimed(out: Path | None, parent: RunFolder) -> Iterator[RunFolder]:
    """Yield a new folder; where nothing was trained in it, it is removed after an error.

    Raises:
        RunError: `out` has something in it.
    """
    if out is None:
        path = claim(parent.path.with_name(f"{parent.path.name}_updated"))
    elif out.is_dir() and any(out.iterdir()):
        raise RunError(
            "there is something in the folder of the new run",
            where=str(out),
            todo="name a new folder with out=, or leave it out; a killed update goes on with "
            "resume=FOLDER",
        )
    else:
        path = out
        path.mkdir(parents=True, exist_ok=True)
    folder = RunFolder(path, parent.trust)
    try:
        yield folder
    except BaseException:
        if not checkpoints_of(path):
            shutil.rmtree(path, ignore_errors=True)
        raise
