"""A server's parts, made of its settings."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from seqrec.bundle import Bundle
from seqrec.bundle.requests import replay
from seqrec.config.choose import Choice
from seqrec.errors import ConfigError
from seqrec.feedback import Log
from seqrec.serve.app import App
from seqrec.serve.filters import FilterFiles
from seqrec.serve.hours import Hours
from seqrec.serve.limits import Limits
from seqrec.serve.logged import Logged
from seqrec.serve.metrics import Metrics
from seqrec.serve.model import Model
from seqrec.serve.models import Models
from seqrec.serve.parts import Parts
from seqrec.serve.service import Service
from seqrec.serve.sessions import Sessions

INDEX = Choice("index", "index", "indices")
STATE = Choice("state", "state", "states")
POLICY = Choice("policy", "policy", "policies")
KINDS = {choice.kind: choice for choice in (INDEX, STATE, POLICY)}
FILTERS, LOG, REVIEWED, METRICS = "filters.json", "log", "review/filters.json", "metrics"


@dataclass(frozen=True)
class Settings:
    """What a server is made of.

    Args:
        folder: of the pointer file, sessions, filters and log.
        index, state, policy: the chosen component and its keys.
        log: whether it logs what it shows and what comes of it.
        compact: whether hours of the log that are over become Parquet.
        workers: number of processes.
        waiting: requests that may wait.
        limits: what it takes.
    """

    folder: Path
    index: tuple[str, dict[str, Any]]
    state: tuple[str, dict[str, Any]]
    policy: tuple[str, dict[str, Any]]
    log: bool = True
    compact: bool = True
    workers: int = 1
    waiting: int = 256
    limits: Limits = field(default_factory=Limits)


def chosen(kind: str, name: str, options: dict[str, str]) -> tuple[str, dict[str, Any]]:
    """Return a component by name, with keys from the command line.

    Raises:
        ConfigError: there is no such component, it has no such key, or a value doesn't fit.
    """
    nodes = KINDS[kind].settings_of([name], options)
    return name, nodes[name]


def made(kind: str, node: tuple[str, dict[str, Any]]) -> Any:
    """Make a component of its settings."""
    name, settings = node
    return KINDS[kind].build({name: settings})[name]


def models_of(settings: Settings) -> Models:
    """Return the models of a server, none of them loaded yet."""
    index = made("index", settings.index)
    load: Callable[[Path], Model] = partial(_load, make_index=index, waiting=settings.waiting)
    return Models(settings.folder, load)


def app_of(settings: Settings, worker: int, bundle: Path | None = None) -> App:
    """Make the application of a worker; its bundle is loaded.

    Args:
        settings: the server's.
        worker: its number.
        bundle: made live first; None: what is live answers.

    Raises:
        SeqrecError: a part can't be made.
    """
    folder, models = settings.folder, models_of(settings)
    name, node = settings.policy
    if bundle is not None:
        models.put(bundle, why=f"the server was started with bundle={bundle}")
    models.follow()
    metrics = Metrics(worker)
    parts = Parts(
        models=models,
        sessions=Sessions(made("state", settings.state)),
        filters=FilterFiles(folder / FILTERS, folder / LOG / REVIEWED),
        policy=made("policy", settings.policy),
        settings={"name": name, **{k: v for k, v in node.items() if not k.startswith("_")}},
        logged=Logged(Log(folder / LOG) if settings.log else None, metrics),
        metrics=metrics,
    )
    about = {
        "index": settings.index[0],
        "state": settings.state[0],
        "policy": name,
        "logged": settings.log,
        "worker": worker,
    }
    shared = folder / METRICS if settings.workers > 1 else None
    first = settings.log and settings.compact and worker == 0
    hours = Hours(folder / LOG) if first else None
    return App(Service(parts), settings.limits, about, shared, hours)


def keys_of(name: str) -> tuple[str, ...]:
    """Return the keys in an environment variable, which are separated by commas.

    Raises:
        ConfigError: one is so short that it can be guessed.
    """
    keys = tuple(filter(None, map(str.strip, os.environ.get(name, "").split(","))))
    if any(len(key) < 16 for key in keys):
        raise ConfigError(
            "a key has fewer than 16 characters",
            where=name,
            todo="make one: python -c 'import secrets; print(secrets.token_urlsafe())'",
        )
    return keys


def _load(path: Path, *, make_index: Any, waiting: int) -> Model:
    bundle = Bundle.open(path)
    replay(bundle)
    return Model(bundle, make_index, waiting=waiting)
