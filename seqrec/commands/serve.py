"""Serve an exported model over HTTP."""

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqrec.config.cli.script import PAIRS, parse
from seqrec.disk.writable import check_folder
from seqrec.errors import ConfigError
from seqrec.terminal.errors import plain_errors

if TYPE_CHECKING:  # --help and refused command lines don't need it
    from seqrec.serve.app import App
    from seqrec.serve.build import Settings

OPTIONS: Any = field(default_factory=dict, metadata=PAIRS)
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS")
KINDS = ("index", "state", "policy")  # whose keys may be given
RANGES = {"port": (0, 65_535), "workers": (1, 256), "queue": (1, 100_000), "body_kb": (1, 1 << 20)}
NEEDED = ("onnxruntime", "starlette", "uvicorn", "httptools", "uvloop", "prometheus_client")


@dataclass
class Arguments:
    """Serve an exported model over HTTP.

    python scripts/serve.py bundle=bundle port=8000
    python scripts/serve.py bundle=bundle index=int8_rescore workers=4
    python scripts/serve.py bundle=bundle state=redis state.url=redis://localhost:6379/0
    python scripts/serve.py bundle=bundle policy=plackett_luce policy.temperature=0.5
    """

    bundle: str | None = None  # the folder of a bundle; default: the one that was live last
    host: str = "127.0.0.1"  # the address to listen at; 0.0.0.0 or :: for all
    port: int = 8000  # 0 takes any that is free
    workers: int = 1  # processes; they share the item table
    folder: Path = Path("outputs/serving")  # of live.json, sessions, filters and the log
    index: str = "exact"  # a file of configs/index
    state: str = "sqlite"  # a file of configs/state
    policy: str = "greedy"  # a file of configs/policy
    options: dict[str, str] = OPTIONS  # keys of these: index.depth=400, state.idle_minutes=30
    log: bool = True  # log what is shown and what comes of it, in the folder
    compact: bool = True  # turn the log's hours that are over into Parquet
    queue: int = 256  # requests of a worker that may wait for the model
    body_kb: int = 1024  # largest body of a request
    rate: float = 0.0  # requests a second of each client; 0: any number


def serve(arguments: Arguments) -> int:
    """Check the arguments, load the bundle, and serve until a signal ends it."""
    settings = settings_of(arguments)
    from seqrec.serve.build import app_of
    from seqrec.serve.server import bound
    from seqrec.serve.server import serve as serve_at

    bundle = None if arguments.bundle is None else Path(arguments.bundle)

    def make_app(worker: int, first: bool) -> "App":
        return app_of(settings, worker, bundle if first else None)

    with bound(arguments.host, arguments.port) as listening:
        host, port = listening.getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        ready = f"serving at http://{shown}:{port} (folder {settings.folder})"
        return serve_at(make_app, listening, workers=arguments.workers, ready=ready)


def settings_of(arguments: Arguments) -> "Settings":
    """Return the settings of a server.

    Raises:
        ConfigError: an argument is wrong, or a package is missing.
    """
    for name, (least, most) in RANGES.items():
        value = getattr(arguments, name)
        if not least <= value <= most:
            raise ConfigError(
                f"{name}={value}: must be from {least:,} to {most:,}",
                where=name,
                todo=f"{name}={max(least, min(most, value))}",
            )
    if arguments.rate < 0:
        raise ConfigError(f"rate={arguments.rate}: must be at least 0", todo="rate=0 takes any")
    options: dict[str, dict[str, str]] = {kind: {} for kind in KINDS}
    for key, text in arguments.options.items():
        kind, dot, name = key.partition(".")
        if not dot or kind not in KINDS:
            from seqrec.config.check.mistakes import unknown
            from seqrec.config.cli.script import see_usage

            known = [*Arguments.__dataclass_fields__, *KINDS]
            raise ConfigError(f"{key}: {unknown(kind, known)}", todo=see_usage(Arguments))
        options[kind][name] = text
    check_packages()
    for name in ONE_THREAD:  # before numpy is loaded
        os.environ[name] = "1"
    from seqrec.serve.build import Settings, chosen, keys_of
    from seqrec.serve.limits import Limits

    check_folder(arguments.folder, key="folder")
    arguments.folder.mkdir(parents=True, exist_ok=True)
    index, state, policy = (chosen(kind, getattr(arguments, kind), options[kind]) for kind in KINDS)
    if state[0] == "sqlite" and state[1]["path"] is None:
        state[1]["path"] = str(arguments.folder / "sessions.sqlite")
    if arguments.workers > 1 and state[0] == "memory":
        raise ConfigError(
            "workers don't share their memory, and a session comes to any of them",
            where="state=memory",
            todo="choose state=sqlite, or workers=1",
        )
    keys, admin = keys_of("SEQREC_API_KEY"), keys_of("SEQREC_ADMIN_KEY")
    limits = Limits(body=1024 * arguments.body_kb, rate=arguments.rate, keys=keys, admin_keys=admin)
    return Settings(
        folder=arguments.folder,
        index=index,
        state=state,
        policy=policy,
        log=arguments.log,
        compact=arguments.compact,
        workers=arguments.workers,
        waiting=arguments.queue,
        limits=limits,
    )


def check_packages() -> None:
    """Refuse to start without the packages of the extra.

    Raises:
        ConfigError: one is missing.
    """
    from importlib.util import find_spec

    from seqrec.home import install

    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise ConfigError(
            f"serving needs {missing[0]}, which isn't installed", todo=install("serve")
        )


def main() -> None:
    """Read the arguments and serve."""
    with plain_errors():
        status = serve(parse(Arguments, sys.argv[1:]))
    sys.exit(status)


if __name__ == "__main__":
    main()
