"""Logger to Weights & Biases; offline without an API key. It never prompts and never crashes."""

import json
import logging
import netrc
import os
import re
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlparse

from pytorch_lightning.loggers import WandbLogger

from seqrec.errors import ConfigError
from seqrec.run.info import RunInfo

log = logging.getLogger(__name__)
MODES = ("auto", "online", "offline", "disabled")
SERVED = (  # the files of a run that evaluating and recommending need
    *("config.yaml", "run.json", "metrics.json", "protocol.json", "catalogue.parquet"),
    "checkpoints/best.ckpt",
)


class Wandb:
    """One W&B run for each training run, kept below the run folder.

    Args:
        project: W&B project.
        entity: W&B user or team; null: your default.
        mode: ``online``, ``offline``, or ``auto``: online if there is an API key, else offline.
            The environment variable ``WANDB_MODE`` wins, and may also be ``disabled``.
        log_model: keep the run's folder with its best checkpoint as an artifact, with the data's
            hash. Online, the data is an artifact too, so that W&B shows the lineage.
    """

    def __init__(
        self,
        *,
        project: str = "seqrec",
        entity: str | None = None,
        mode: Literal["auto", "online", "offline"] = "auto",
        log_model: bool = False,
    ) -> None:
        self.project, self.entity, self.log_model = project, entity, log_model
        chosen = os.environ.get("WANDB_MODE") or mode
        if chosen not in MODES:
            raise ConfigError(
                f"W&B has no mode {chosen!r}",
                where="WANDB_MODE" if os.environ.get("WANDB_MODE") else "logger.mode",
                todo=f"use one of {', '.join(MODES)}",
            )
        self.mode = ("online" if has_api_key() else "offline") if chosen == "auto" else chosen
        self.logger: WandbLogger | None = None
        self.run: RunInfo | None = None
        self.folder: str | None = None

    def open(self, run: RunInfo) -> WandbLogger:
        """Start the W&B run, offline if the server can't be reached."""
        import wandb

        os.environ.setdefault("WANDB_SILENT", "true")
        patience = float(os.environ.get("WANDB_INIT_TIMEOUT", 15))  # seconds
        settings = wandb.Settings(silent=True, console="off", init_timeout=patience)
        options: dict[str, Any] = {
            "project": self.project,
            "entity": self.entity,
            "dir": str(run.folder),
            "id": run.run_id,
            "name": run.name,
            "group": run.group,
            "job_type": "train",
            "tags": run.tags,
            "config": run.config,
            "resume": "allow" if self.mode == "online" else None,
            "settings": settings,
        }
        try:
            opened = wandb.init(mode=self.mode, **options)  # type: ignore[arg-type]
        except (wandb.errors.CommError, wandb.errors.AuthenticationError) as error:
            log.warning("W&B can't be reached, this run is logged offline (%s)", _first_line(error))
            self.mode = "offline"
            wandb.teardown()  # the service still holds the run's id
            opened = wandb.init(mode="offline", **(options | {"resume": None}))
        opened.define_metric("epoch")
        opened.define_metric("valid/*", step_metric="epoch")
        self.folder = opened.dir and str(Path(opened.dir).parent)
        self.run = run
        self.logger = WandbLogger(experiment=opened)
        return self.logger

    def finish(self, summary: dict[str, Any], tables: dict[str, Any], *, failed: bool) -> None:
        """Write the summary and the tables (name to ``(columns, rows)``) and close the run."""
        if self.logger is None:
            return
        import wandb

        run = self.logger.experiment
        for name, (columns, rows) in tables.items():
            run.log({name: wandb.Table(columns=columns, data=rows)})
        run.summary.update(summary)
        if self.log_model and self.run and not failed:
            self._keep(self.run, summary)
        run.finish(exit_code=1 if failed else 0)

    def _keep(self, about: RunInfo, summary: dict[str, Any]) -> None:
        """Log the run's folder as an artifact, and the data as an artifact that it used."""
        import wandb

        assert self.logger is not None
        run, choices = self.logger.experiment, about.config["choices"]
        data_hash = about.config["data_hash"]
        if self.mode == "online":  # offline runs can't record the artifacts that they use
            data = wandb.Artifact(_safe(choices["data"]), type="dataset")
            with data.new_file("data.json") as file:  # the same content is the same version
                json.dump({"data_hash": data_hash}, file)
            run.use_artifact(data)
        model = wandb.Artifact(
            _safe(f"{choices['data']}-{choices['model']}"),
            type="model",
            metadata={"data_hash": data_hash, **_measured(summary)},
        )
        for name in SERVED:
            if (about.folder / name).is_file():
                model.add_file(str(about.folder / name), name=name)
        run.log_artifact(model)

    def hints(self) -> list[str]:
        """Return how to view the run."""
        if self.logger is None or self.mode == "disabled":
            return []
        if self.mode != "offline":
            return [f"W&B: {self.logger.experiment.url}"]
        return [f"wandb sync {self.folder}", f"wandb leet {self.folder}"]


def _safe(name: str) -> str:
    """Replace what W&B doesn't allow in an artifact's name."""
    return re.sub(r"[^\w.-]+", "-", name)[:120]


def _measured(summary: dict[str, Any]) -> dict[str, Any]:
    """Keep the metrics of the whole test: W&B takes 100 entries."""
    whole = re.compile(r"test/[\w@]+")
    return {key: value for key, value in summary.items() if whole.fullmatch(key)}


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]


def has_api_key() -> bool:
    """Return whether W&B would find a key, in the environment or in the netrc file."""
    if os.environ.get("WANDB_API_KEY"):
        return True
    host = urlparse(os.environ.get("WANDB_BASE_URL", "https://api.wandb.ai")).hostname or ""
    try:
        return netrc.netrc(os.environ.get("NETRC")).authenticators(host) is not None
    except (OSError, netrc.NetrcParseError):
        return False
