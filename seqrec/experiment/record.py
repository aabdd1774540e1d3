"""What a run's folder says of the run, from its first step to its end."""

import shlex
import time
from typing import Any
from uuid import uuid4

import polars as pl

from seqrec.config.names import run_name
from seqrec.config.schema import Root
from seqrec.errors import RunError
from seqrec.evaluation.evaluated import Evaluated
from seqrec.evaluation.protocol import markdown
from seqrec.machine.hardware import Hardware
from seqrec.run.code import code_patch
from seqrec.run.environment import describe_environment
from seqrec.run.fingerprint import fingerprint
from seqrec.run.folder import RunFolder, plain
from seqrec.run.info import RunInfo


class Record:
    """Writes what a run was: its configuration, code, machine, data and protocol.

    Args:
        folder: of the run.
        choices: chosen option of each configuration group.
        overrides: what was typed; the run is named by it.
    """

    def __init__(self, folder: RunFolder, choices: dict[str, str], overrides: list[str]) -> None:
        self.folder, self.choices, self.overrides = folder, choices, overrides
        self.began = time.perf_counter()

    def open(self, module: Evaluated, hardware: Hardware, card: dict[str, Any]) -> RunInfo:
        """Write what is known before the first step; a continued run keeps its id.

        Raises:
            RunError: the run was begun on other data.
        """
        root, store, folder = module.config, module.store, self.folder
        known = folder.about() if (folder.path / "run.json").is_file() else {}
        if known and known["data_hash"] != store.data_hash:
            raise RunError(
                "the data changed since this run began",
                where=f"{known['data_hash'][:12]} then, {store.data_hash[:12]} now",
                todo="start a new run (leave resume out)",
            )
        folder.write_config(plain(root))
        allowed_V = module.splits.candidates
        candidate = pl.lit(True) if allowed_V is None else pl.Series(allowed_V[1:])
        folder.write_table("catalogue.parquet", store.items().with_columns(candidate=candidate))
        folder.write_json("protocol.json", card)
        folder.write_text("protocol.md", markdown(card))
        folder.write_optional("code.patch", code_patch())
        folder.write_optional("error.txt", None)  # of an earlier part, that failed
        name, group = names(root, self.choices, self.overrides)
        about = {
            "name": name,
            "group": group,
            "run_id": known.get("run_id") or uuid4().hex[:8],
            "command": shlex.join(["python", "train.py", *self.overrides]),
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
            "before": _before(known),
        }
        folder.write_json("run.json", about)
        config = plain(root) | {"data_hash": store.data_hash, "choices": about["choices"]}
        run_id = str(about["run_id"])
        return RunInfo(folder.path, name, group, run_id, tags=list(root.tags), config=config)

    def close(self) -> None:
        """Add what only the end of a run knows: how long it took."""
        seconds = round(time.perf_counter() - self.began, 3)
        ended = {"finished": _now(), "wall_seconds": seconds}
        self.folder.write_json("run.json", self.folder.about() | ended)


def names(root: Root, choices: dict[str, str], overrides: list[str]) -> tuple[str, str]:
    """A readable name, and the group of runs to compare with."""
    recipe = choices.get("experiment") or "adhoc"
    group = root.group or f"{choices['data']}/{recipe}"
    return run_name(choices, overrides, seed=root.seed), group


def _before(known: dict[str, Any]) -> list[dict[str, Any]]:
    """When, on what and with which code the earlier parts of a continued run were trained."""
    if not known:
        return []
    part = {key: known.get(key) for key in ("started", "device", "environment")}
    return [*known.get("before", []), part]


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S%z")
