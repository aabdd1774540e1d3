"""The record of a run in its folder, from the first step to the end."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import polars as pl

from seqrec.config.names import run_name
from seqrec.config.schema import Root
from seqrec.config.typed import plain_values
from seqrec.errors import RunError
from seqrec.evaluation.examples import Samples
from seqrec.evaluation.protocol import markdown, summary
from seqrec.evaluation.results import Results
from seqrec.home import command
from seqrec.machine.hardware import Hardware
from seqrec.machine.process import is_first_process
from seqrec.run.checkpoints import PREVIOUS
from seqrec.run.code import code_patch
from seqrec.run.entries import BEGUN
from seqrec.run.environment import describe_environment
from seqrec.run.fingerprint import fingerprint
from seqrec.run.folder import RunFolder
from seqrec.run.info import RunInfo, RunLogger
from seqrec.store.store import SequenceStore
from seqrec.terminal.say import say
from seqrec.training.evaluated import EvaluatedModule
from seqrec.training.module import TrainedModule

if TYPE_CHECKING:
    from pytorch_lightning.loggers import Logger


class Record:
    """Writer of a run's record: its configuration, code, machine, data and protocol.

    Args:
        folder: the run's folder.
        choices: chosen option of each configuration group.
        overrides: the overrides as typed; the run is named after them.
        logger: where curves and the summary go.
    """

    def __init__(
        self,
        folder: RunFolder,
        choices: dict[str, str],
        overrides: list[str],
        logger: RunLogger,
    ) -> None:
        self.folder, self.choices, self.overrides = folder, choices, overrides
        self.logger, self.began = logger, time.perf_counter()

    @contextmanager
    def opened(
        self, module: EvaluatedModule, hardware: Hardware, card: dict[str, Any]
    ) -> Iterator["Logger | None"]:
        """Write what is known before the first step, and yield Lightning's logger.

        If the run fails, the logger closes it as failed. Only the first process writes and logs.

        Raises:
            RunError: the run was started on other data.
        """
        if not is_first_process():
            yield None
            return
        logger = self.logger.open(self._open(module, hardware, card))
        try:
            yield logger
        except BaseException:
            self._finish({}, {}, failed=True)
            raise

    def _open(self, module: EvaluatedModule, hardware: Hardware, card: dict[str, Any]) -> RunInfo:
        """Write what is known before the first step; a continued run keeps its id."""
        root, store, folder = module.config, module.store, self.folder
        earlier = folder.about() if (folder.path / "run.json").is_file() else {}
        if earlier and earlier["data_hash"] != store.data_hash:
            raise RunError(
                "the data has changed since this run began",
                where=f"{earlier['data_hash'][:12]} then, {store.data_hash[:12]} now",
                todo="start a new run: leave resume out",
            )
        folder.unseal()
        folder.write_config(plain_values(root))
        candidate_V = module.splits.candidate_V
        candidate = pl.lit(True) if candidate_V is None else pl.Series(candidate_V[1:])
        count_V = module.task.item_count_V.numpy()
        items = store.items().with_columns(candidate=candidate, item_events=count_V[1:])
        folder.write_table("catalogue.parquet", items)
        folder.write_json("protocol.json", card)
        folder.write_text("protocol.md", markdown(card))
        folder.write_optional("code.patch", code_patch())
        folder.write_optional("error.txt", None)  # of an earlier part that failed
        name, group = names(root, self.choices, self.overrides)
        about = {
            "name": name,
            "group": group,
            "run_id": earlier.get("run_id") or uuid4().hex[:8],
            "command": _typed(root) or command("train", *self.overrides),
            "overrides": self.overrides,
            "choices": {k: v for k, v in self.choices.items() if not k.startswith("hydra/")},
            "fingerprint": fingerprint(root, store),
            "data_hash": store.data_hash,
            "store": store.folder.name,
            "facts": module.facts.plain(),
            "device": hardware.device,
            "precision": hardware.precision,
            "seed": root.seed,
            "started": _now(),
            "environment": describe_environment(),
            "before": _before(earlier),
            **_lineage(root, store),
            **_begun(module, earlier),
        }
        folder.write_json("run.json", about)
        folder.seal(BEGUN)
        config = plain_values(root) | {"data_hash": store.data_hash, "choices": about["choices"]}
        run_id = str(about["run_id"])
        return RunInfo(folder.path, name, group, run_id, config=config)

    def close(self, results: Results, card: dict[str, Any], *, samples: Samples) -> None:
        """Write the results and how long the run took, and close the logger.

        Args:
            results: ``metrics.json``; written last, so its presence means the run is complete.
            card: the protocol card.
            samples: lists for a few users.
        """
        seconds = round(time.perf_counter() - self.began, 3)
        ended = {"finished": _now(), "wall_seconds": seconds}
        about, flat = self.folder.about() | ended, results.flat()
        self.folder.unseal()
        self.folder.write_json("run.json", about)
        self.folder.write_json("metrics.json", flat)
        self.folder.seal()
        (self.folder.checkpoints / PREVIOUS).unlink(missing_ok=True)
        tables = {"recommendations": samples}
        self._finish(flat | summary(card), tables, failed=False)

    def _finish(self, summary: dict[str, Any], tables: dict[str, Any], *, failed: bool) -> None:
        """Close the logger; whatever becomes of it, the run is what it is."""
        try:
            self.logger.finish(summary, tables, failed=failed)
        except Exception as error:  # of a library that meets disks and networks
            words = " ".join(str(error).split()) or type(error).__name__
            say(f"the logger could not end, the run's folder has everything: {words}")


def names(root: Root, choices: dict[str, str], overrides: list[str]) -> tuple[str, str]:
    """Return a readable name, and the group of runs to compare with."""
    recipe = choices.get("experiment") or "adhoc"
    group = root.group or f"{choices['data']}/{recipe}"
    name = run_name(choices, overrides, seed=root.seed)
    made = " updated" * bool(root.update) + " compressed" * bool(root.compress)
    return f"{name}{made}", group


def _typed(root: Root) -> str | None:
    """Return the command that made a run of another one, if it was made so."""
    return (root.compress or root.update or {}).get("typed")


def _before(earlier: dict[str, Any]) -> list[dict[str, Any]]:
    """Return when, where and with which code the earlier parts of a resumed run were trained."""
    if not earlier:
        return []
    part = {key: earlier.get(key) for key in ("started", "device", "environment")}
    return [*earlier.get("before", []), part]


def _lineage(root: Root, store: SequenceStore) -> dict[str, Any]:
    """Return the run that this one updates, and what was added to its data."""
    if root.update is None:
        return {}
    had = root.update["had"]
    now = {"users": store.n_users, "items": store.n_items, "events": store.n_interactions}
    added = {name: count - had[name] for name, count in now.items()}
    kept = {name: root.update[name] for name in ("parent", "fingerprint", "weights")}
    return {"lineage": kept | {"had": had, "added": added}}


def _begun(module: EvaluatedModule, earlier: dict[str, Any]) -> dict[str, Any]:
    """Return what was taken over from the run that this one began with.

    Raises:
        RunError: a resumed run began with other weights.
    """
    if not isinstance(module, TrainedModule) or module.begun is None:
        return {}
    begun = vars(module.begun)
    if earlier and earlier.get("begun", {}).get("weights") != begun["weights"]:
        raise RunError(
            "the run that this one began with has changed since",
            where=f"checkpoint={begun['run']}",
            todo="start a new run: leave resume out",
        )
    return {"begun": begun}


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S%z")
