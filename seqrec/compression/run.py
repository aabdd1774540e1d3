"""From a finished run to one with smaller weights, if these lose little."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import OmegaConf

from seqrec.adapter import merged
from seqrec.compress import Calibration, Compress, Smaller
from seqrec.compression.measure import Row, disk_bytes, request_ms, shared
from seqrec.config.schema import Root
from seqrec.config.typed import plain_values, typed
from seqrec.errors import RunError
from seqrec.experiment.evaluate import rebuild
from seqrec.experiment.run import record_weights
from seqrec.model import SequenceModel
from seqrec.run.audited import weights_hash
from seqrec.run.claim import claim_beside
from seqrec.run.folder import RunFolder
from seqrec.training.evaluated import EvaluatedModule

COST = ("epochs", "best_epoch", "fit_seconds", "peak_memory_mb")  # of training the run
MADE = "seqrec.compression.made.Made"
MOST = 4096  # validation events that weights are made smaller by
ASKED, AT_ONCE = 50, 100  # test histories that requests are timed on, and those of a batch


@dataclass(frozen=True)
class Compressed:
    """What became of a run.

    Args:
        folder: of the new run.
        rows: what was measured before and after; the first is the metric that is judged.
        lost: share of that metric, on validation.
        passed: whether it lost no more than it may; else the folder is gone.
    """

    folder: RunFolder
    rows: list[Row]
    lost: float
    passed: bool


def compress(
    parent: RunFolder,
    root: Root,
    *,
    way: Compress,
    node: dict[str, Any],
    max_loss: float,
    out: Path | None,
    command: str,
) -> Compressed:
    """Make the weights of a run smaller, judge them, and keep the new run if it lost little.

    Args:
        parent: the run.
        root: its configuration.
        way: what makes weights smaller.
        node: the settings of `way`.
        max_loss: share of the monitored metric that validation may lose.
        out: the new run's folder; None: beside the run.
        command: as typed, for the record.

    Raises:
        SeqrecError: something the user can fix; nothing is left behind.
    """
    about, before = parent.about(), parent.results()
    module = rebuild(parent, root)
    model = _whole(module.model)
    smaller = way(model, _calibration(module))
    with _claimed(out, parent) as folder:
        made = {
            "_target_": MADE,
            "by": node,
            "parent": str(parent.path),
            "weights": weights_hash(parent),
            "fingerprint": about["fingerprint"],
            "typed": command,
        }
        config = _changed(root, smaller, made=made, adapted=model is module.model)
        after = record_weights(
            config,
            folder.path,
            smaller.state,
            about={name: before[name] for name in COST if name in before},
            choices=about["choices"],
            overrides=about["overrides"],
        )
        metric = root.evaluation.monitor
        rows = [
            Row(f"{part}/{metric}", before[f"{part}/{metric}"], after[f"{part}/{metric}"])
            for part in ("valid", "test")
        ]
        lost = -rows[0].change if module.mode == "max" else rows[0].change
        both, asked = [parent, folder], _sessions(module)
        rows += [
            Row("top 10 shared", 1.0, shared(parent, folder)),
            Row("weights, bytes", disk_bytes(model.state_dict()), disk_bytes(smaller.state)),
            Row("ms, one at a time", *request_ms(both, asked, at_once=1)),
            Row(f"ms, {AT_ONCE} at once", *request_ms(both, asked, at_once=AT_ONCE)),
        ]
        passed = lost <= max_loss
        if not passed:
            shutil.rmtree(folder.path)
    return Compressed(folder, rows, lost, passed)


def _whole(model: Any) -> SequenceModel:
    """Return a trained model with all weights computed.

    Raises:
        RunError: it isn't trained.
    """
    if not isinstance(model, SequenceModel):
        raise RunError(
            "a model of counts or of several runs has no weights that could be made smaller",
            where=type(model).__name__,
            todo="name the run of a trained model",
        )
    return merged(model).eval()


def _calibration(module: EvaluatedModule) -> Calibration:
    """Return some validation events, spread over all of them."""
    view = module.splits.valid
    which = np.unique(np.linspace(0, len(view) - 1, min(MOST, len(view))).astype(int))
    batches = module.eval_batches(view.take(which))
    return Calibration(list(batches), module.judge.policy.candidate_V)


def _changed(root: Root, smaller: Smaller, *, made: dict[str, Any], adapted: bool) -> Root:
    """Return the configuration of the new run: what is merged isn't an adapter any more."""
    values = plain_values(root) | {"compress": made, "resume": None, "rerun": False}
    if not adapted:
        values["adapter"] = None
    config = OmegaConf.create(values)
    for key, value in smaller.changes.items():
        OmegaConf.update(config, key, value, force_add=True)
    return typed(config)


def _sessions(module: EvaluatedModule) -> list[list[str]]:
    """Return some test histories in original ids, as far as the model sees them."""
    store, view = module.store, module.splits.test
    ids, longest = store.items()["item"], module.config.max_length
    found = []
    for at in np.unique(np.linspace(0, len(view) - 1, min(ASKED, len(view))).astype(int)):
        end = int(view.end[at])
        begin = max(int(view.start[at]), end - longest)
        found.append([ids[int(item) - 1] for item in store.item[begin:end]])
    return found


@contextmanager
def _claimed(out: Path | None, parent: RunFolder) -> Iterator[RunFolder]:
    """Yield a folder that only this process has; it is removed if something fails.

    Raises:
        RunError: `out` is there.
        WriteError: it can't be made.
    """
    out = claim_beside(parent.path, "compressed", out)
    try:
        yield RunFolder(out, parent.trust)
    except BaseException:
        shutil.rmtree(out, ignore_errors=True)
        raise
