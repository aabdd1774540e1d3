"""Tell whether a server's log still looks like what it was."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from seqrec.clock import instant
from seqrec.config.cli.script import parse
from seqrec.disk.writable import check_file
from seqrec.disk.write import write_file
from seqrec.errors import ConfigError
from seqrec.terminal.errors import plain_errors

if TYPE_CHECKING:  # --help and refused command lines don't need it
    from seqrec.drift.study import Study

HOUR = 3_600_000


@dataclass
class Arguments:
    """Tell whether a server's log still looks like what it was.

    python scripts/drift.py log=outputs/serving/log bundle=bundle
    python scripts/drift.py log=outputs/serving/log run=outputs/.../... window=6 reference=28
    python scripts/drift.py log=outputs/serving/log bundle=bundle out=drift.html
    """

    log: Path  # the folder that a server logs to
    bundle: Path | None = None  # whose items are known, and whose lists are looked at
    run: Path | None = None  # instead of a bundle: whose items are known; all lists are looked at
    window: float = 24  # hours of a window
    reference: int | None = None  # windows that the others are held against; default: half of them
    since: str | None = None  # ISO time of the first window
    event: str = "click"  # the outcomes that are hits
    alpha: float = 0.05  # share of windows without drift that may be alarmed
    replays: int = 1000  # draws for the bars
    out: Path | None = None  # write the answer to a file: .json or .html
    format: str = "text"  # text | json


def tell_drift(arguments: Arguments) -> int:
    """Check the arguments, read the log and compare; return 1 if it drifts."""
    check(arguments)
    if arguments.out is not None and arguments.out.suffix == ".html":
        from seqrec.pages.page import check_packages

        check_packages(instead="out=drift.json")
    from seqrec.drift.study import study

    found = study(
        arguments.log,
        bundle=arguments.bundle,
        run=arguments.run,
        span=round(arguments.window * HOUR),
        reference=arguments.reference,
        since=instant(arguments.since, where="since"),
        event=arguments.event,
        alpha=arguments.alpha,
        replays=arguments.replays,
    )
    write(arguments, found)
    if arguments.format == "json":
        print(json.dumps(found.plain()))
    else:
        from seqrec.drift.show import show

        show(found, out=arguments.out)
    return 1 if found.drifts else 0


def check(arguments: Arguments) -> None:
    """Refuse arguments that are out of range or contradict each other.

    Raises:
        ConfigError: they do.
    """
    if (arguments.bundle is None) == (arguments.run is None):
        raise ConfigError("give one of bundle=DIR, run=FOLDER: whose items are known?")
    if arguments.format not in ("text", "json"):
        raise ConfigError(f"format={arguments.format} is unknown", todo="choose text or json")
    if not 1 / 60 <= arguments.window <= 24 * 366:
        raise ConfigError(
            f"window={arguments.window}: must be from a minute to a year, in hours",
            todo="write window=24",
        )
    if not 0 < arguments.alpha <= 0.5:
        raise ConfigError(
            f"alpha={arguments.alpha}: must be above 0 and at most 0.5", todo="write alpha=0.05"
        )
    least = {"replays": round(10 / arguments.alpha), "reference": 1}
    for key, minimum in least.items():
        value = getattr(arguments, key)
        if value is not None and value < minimum:
            raise ConfigError(
                f"{key}={value}: must be at least {minimum}", todo=f"write {key}={minimum}"
            )
    out = arguments.out
    if out is not None and out.suffix not in (".json", ".html"):
        raise ConfigError(f"out={out}: unsupported file type", todo="use .json or .html")
    if out is not None:
        check_file(out, key="out", example="drift.html")


def write(arguments: Arguments, found: "Study") -> None:
    """Write the answer to a file, if one is asked for, atomically."""
    out = arguments.out
    if out is not None and out.suffix == ".html":
        from seqrec.drift.page import write_drift

        write_drift(out, found)
    elif out is not None:
        write_file(out, json.dumps(found.plain(), indent=2) + "\n")


def main() -> None:
    """Read the arguments and compare."""
    with plain_errors():
        status = tell_drift(parse(Arguments, sys.argv[1:]))
    sys.exit(status)


if __name__ == "__main__":
    main()
