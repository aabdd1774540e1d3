"""Logger to Weights & Biases; offline without an API key. It never prompts and never crashes."""

import json
import logging
import netrc
import os
import re
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlparse

from pytorch_lightning.loggers import WandbLogger

from seqrec.errors import ConfigError
from seqrec.logger._offline import next_step, parts_of
from seqrec.run.info import RunInfo

log = logging.getLogger(__name__)
MODES = ("auto", "online", "offline", "disabled")
SAME = {"dryrun": "offline", "run": "online"}  # W&B's older names
OFF = ("", "0", "false", "no", "off", "n", "f")
SERVED = (  # the files of a run that evaluating and recommending need
    *("config.yaml", "run.json", "metrics.json", "protocol.json", "catalogue.parquet"),
    "checkpoints/best.ckpt",
)


LONGEST = 128  # characters of a name or a group
FORBIDDEN = re.compile(r"[/\\#?%:]|^\s|\s$")  # in a project or an entity


class Wandb:
    """One W&B run for each training run, kept below the run folder.

    Args:
        project: W&B project.
        entity: W&B user or team; null: your default.
        mode: ``online``, ``offline``, or ``auto``: online if there is an API key, else offline.
            The environment variable ``WANDB_MODE`` wins, and may also be ``disabled``, as
            ``WANDB_DISABLED=true`` says, too.
        log_model: keep the run's folder with its best checkpoint as an artifact, with the data's
            hash. Online, the data is an artifact too, so that W&B shows the lineage.
        tags: tags of the run.

    Raises:
        ConfigError: W&B would refuse one of these, or a variable of the environment.
    """

    def __init__(
        self,
        *,
        project: str = "seqrec",
        entity: str | None = None,
        mode: Literal["auto", "online", "offline"] = "auto",
        log_model: bool = False,
        tags: Sequence[str] = (),
    ) -> None:
        self.project, self.entity, self.log_model, self.tags = project, entity, log_model, tags
        self.mode = chosen_mode(mode)
        if self.mode != "disabled":
            check_accepted(project, entity, tags)
        self.logger: WandbLogger | None = None
        self.run: RunInfo | None = None
        self.folder: str | None = None

    def open(self, run: RunInfo) -> WandbLogger:
        """Start the W&B run, offline if the server can't be reached."""
        import wandb

        os.environ.setdefault("WANDB_SILENT", "true")
        patience = float(os.environ.get("WANDB_INIT_TIMEOUT", 15))  # seconds
        settings = wandb.Settings(silent=True, console="off", init_timeout=patience)
        start = next_step(run.folder, run.run_id)
        options: dict[str, Any] = {
            "project": self.project,
            "entity": self.entity,
            "dir": str(run.folder),
            "id": run.run_id,
            "name": run.name[:LONGEST],
            "group": run.group[:LONGEST],
            "job_type": "train",
            "tags": list(self.tags),
            "config": run.config,
            "settings": settings,
        }
        opened = self._opened(options)
        if start and self.mode == "offline":  # the server isn't there to say where it was
            opened.log({}, step=start, commit=False)
        opened.define_metric("epoch")
        opened.define_metric("valid/*", step_metric="epoch")
        self.folder = opened.dir and str(Path(opened.dir).parent)
        self.run = run
        self.logger = WandbLogger(experiment=opened)
        return self.logger

    def _opened(self, options: dict[str, Any]) -> Any:
        """Start the run in its mode; where that fails offline, and where that fails not at all."""
        import wandb

        while True:
            resume = "allow" if self.mode == "online" else None
            try:
                return wandb.init(mode=self.mode, resume=resume, **options)  # type: ignore[arg-type]
            except (wandb.errors.Error, OSError) as error:
                if self.mode == "disabled":
                    raise
                online = self.mode == "online"
                self.mode = "offline" if online else "disabled"
                what = "can't be reached, this run is logged offline" if online else "can't log"
                log.warning("W&B %s (%s)", what, _first_line(error))
                wandb.teardown()  # the service still holds the run's id

    def finish(self, summary: dict[str, Any], tables: dict[str, Any], *, failed: bool) -> None:
        """Write the summary and the tables (name to ``(columns, rows)``) and close the run."""
        if self.logger is None:
            return
        import wandb

        assert self.run is not None
        run = self.logger.experiment
        with _staged_in(self.run.folder):
            try:
                for name, (columns, rows) in tables.items():
                    run.log({name: wandb.Table(columns=columns, data=rows)})
                run.summary.update(summary)
                if self.log_model and not failed:
                    self._keep(self.run, summary)
            finally:
                run.finish(exit_code=1 if failed else 0)

    def add(self, run: RunInfo, name: str, columns: list[str], rows: list[list[Any]]) -> list[str]:
        """Log a table, and bars of its first two columns, to a run that ended; return hints.

        A run that wasn't logged to W&B stays so.
        """
        if not any(run.folder.glob(f"wandb/*run-*-{run.run_id}")):
            return []
        import wandb

        opened = self.open(run).experiment
        with _staged_in(run.folder):
            try:
                table = wandb.Table(columns=list(columns), data=rows)
                bars = wandb.plot.bar(table, columns[0], columns[1], title=f"{name}: {columns[1]}")
                opened.log({name: table, f"{name}/{columns[1]}": bars})
            finally:
                opened.finish()
        return self.hints()

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
        if self.logger is None or self.run is None or self.mode == "disabled":
            return []
        parts = [str(part) for part in parts_of(self.run.folder, self.run.run_id)]
        upload = [shlex.join(["wandb", "sync", *parts])] if parts else []
        if self.mode != "offline":
            return [f"W&B: {self.logger.experiment.url}", *upload]
        return [*upload, shlex.join(["wandb", "leet", str(self.folder)])]


def _safe(name: str) -> str:
    """Replace what W&B doesn't allow in an artifact's name."""
    return re.sub(r"[^\w.-]+", "-", name)[:120]


def _measured(summary: dict[str, Any]) -> dict[str, Any]:
    """Keep the metrics of the whole test: W&B takes 100 entries."""
    whole = re.compile(r"test/[\w@]+")
    return {key: value for key, value in summary.items() if whole.fullmatch(key)}


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]


@contextmanager
def _staged_in(folder: Path) -> Iterator[None]:
    """Let W&B keep files to upload in the run's folder: the home may not be writable."""
    name = "WANDB_DATA_DIR"
    given = os.environ.get(name)
    os.environ[name] = given or str((folder / "wandb").absolute())
    try:
        yield
    finally:
        if given is None:
            del os.environ[name]


def chosen_mode(mode: str) -> str:
    """Return ``online``, ``offline`` or ``disabled``: what the environment says, else `mode`.

    Raises:
        ConfigError: W&B has no such mode, or it is ``online`` and there is no API key.
    """
    if os.environ.get("WANDB_DISABLED", "").lower() not in OFF:
        return "disabled"
    said = os.environ.get("WANDB_MODE")
    chosen = SAME.get(said or mode, said or mode)
    where = "WANDB_MODE" if said else "logger.mode"
    if chosen not in MODES:
        raise ConfigError(
            f"W&B has no mode {chosen!r}", where=where, todo=f"use one of {', '.join(MODES)}"
        )
    if chosen == "online" and not has_api_key():
        raise ConfigError(
            "W&B can't be used online: there is no API key",
            where=f"{where}={said or mode}",
            todo=f"type wandb login, or use {where}=offline",
        )
    return ("online" if has_api_key() else "offline") if chosen == "auto" else chosen


def check_accepted(project: str, entity: str | None, tags: Sequence[str]) -> None:
    """Check what W&B would refuse when the run begins, after the data is prepared.

    Raises:
        ConfigError: a name, a tag, or a variable of the environment isn't what W&B takes.
    """
    import wandb

    for key, value in (("project", project), ("entity", entity)):
        if value is not None and (not value.strip() or FORBIDDEN.search(value)):
            raise ConfigError(
                f"W&B doesn't take {value!r} as its {key}",
                where=f"logger.{key}",
                todo=r"use letters, digits, -, _ and spaces; not / \ # ? % :",
            )
    _accepted(project=project, where="logger.project")
    for tag in tags:
        _accepted(run_tags=(tag,), where="tags")
    for name in sorted(name for name in os.environ if name.startswith("WANDB_")):
        try:
            wandb.Settings().update_from_env_vars({name: os.environ[name]})
        except (wandb.errors.Error, ValueError) as error:
            raise ConfigError(
                f"W&B doesn't take {name}: {_words(error)}",
                todo="correct this variable or unset it",
            ) from error


def _accepted(*, where: str, **setting: Any) -> None:
    import wandb

    try:
        wandb.Settings(**setting)
    except (wandb.errors.Error, ValueError) as error:
        raise ConfigError(f"W&B doesn't take this: {_words(error)}", where=where) from error


def _words(error: Exception) -> str:
    """Return the sentence of an error, also of one of pydantic's."""
    found = getattr(error, "errors", None)
    text = found()[0]["msg"] if callable(found) else str(error)
    return " ".join(text.removeprefix("Value error, ").split())


def has_api_key() -> bool:
    """Return whether W&B would find a key, in the environment or in the netrc file."""
    if os.environ.get("WANDB_API_KEY"):
        return True
    try:
        host = urlparse(os.environ.get("WANDB_BASE_URL", "https://api.wandb.ai")).hostname or ""
        return netrc.netrc(os.environ.get("NETRC")).authenticators(host) is not None
    except (OSError, ValueError, netrc.NetrcParseError):
        return False
