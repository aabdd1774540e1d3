"""Show what rerankers give and take: accuracy beside calibration, diversity and exposure."""

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seqrec.config.cli.script import PAIRS, WORDS, argument_names, parse
from seqrec.config.trust import Trust
from seqrec.disk.writable import check_file
from seqrec.disk.write import write_file
from seqrec.errors import ConfigError
from seqrec.terminal.console import console, print_line
from seqrec.terminal.errors import plain_errors
from seqrec.terminal.progress import progress_bar

RUNS: Any = field(default_factory=list, metadata=WORDS)
OPTIONS: Any = field(default_factory=dict, metadata=PAIRS)
USUAL = ("mmr", "dpp", "calibrated", "popularity", "fair_exposure")


@dataclass
class Arguments:
    """Show what rerankers give and take, without training again.

    python scripts/tradeoffs.py outputs/.../... out=tradeoffs.html
    python scripts/tradeoffs.py outputs/.../sweeps/.../* rerank='[mmr, calibrated]' loss=0.02
    python scripts/tradeoffs.py outputs/.../... rerank=mmr weight='[0.1, 0.2]'
    """

    runs: list[str] = RUNS  # folders of runs of the same data: figures are means over them
    rerank: list[str] | None = None  # files of configs/rerank; default: those that fit the data
    options: dict[str, str] = OPTIONS  # keys of the rerankers: depth=50, mmr.weight='[0.1, 0.2]'
    loss: float = 0.03  # share of the validation NDCG that the chosen strength may lose
    out: Path | None = None  # write the page to this file (.html), or all numbers (.json)
    accelerator: str = "auto"  # auto | cpu | gpu
    where: list[str] | None = None  # for moved data: '[data.path=FILE, paths.cache_dir=FOLDER]'
    searchpath: list[str] | None = None  # folders of your own modules that a run may name
    trust: bool = False  # import and call whatever a run names; only for runs you know


def show_tradeoffs(arguments: Arguments) -> None:
    """Measure the rerankers on the runs, and print or write what they give and take."""
    from seqrec.tradeoff.choose import rerank_options, settings_of

    settings = settings_of(
        arguments.rerank or USUAL,
        rerank_options(arguments.options),
        folders=[Path(place).expanduser() / "configs" for place in arguments.searchpath or ()],
        beside=argument_names(Arguments),
    )
    check(arguments)
    from seqrec.machine.hardware import find_hardware
    from seqrec.run.folder import RunFolder
    from seqrec.tradeoff.show import plain, show
    from seqrec.tradeoff.study import study
    from seqrec.training.trainer import silence

    silence()
    trust = Trust.given(trust=arguments.trust, searchpath=arguments.searchpath)
    folders = [RunFolder.open(run, trust) for run in arguments.runs]
    out = console()
    bar = progress_bar("{task.description}", "bar", "counted", out=out, transient=True)
    with bar:
        line = bar.add_task("", total=None)
        found = study(
            folders,
            settings,
            loss=arguments.loss,
            hardware=find_hardware(arguments.accelerator, "fp32"),
            where=arguments.where,
            lenient=arguments.rerank is None,
            tick=lambda about, done, total: bar.update(
                line, description=about, completed=done, total=total
            ),
        )
    show(out, found)
    if arguments.out is not None:
        if arguments.out.suffix == ".html":
            from seqrec.tradeoff.page import write_tradeoffs

            write_tradeoffs(arguments.out, found)
        else:
            write_file(arguments.out, json.dumps(plain(found), indent=2) + "\n")
        print_line(out, "written", str(arguments.out))


def check(arguments: Arguments) -> None:
    """Refuse arguments that are missing, out of range, or can't be written.

    Raises:
        ConfigError: they are.
    """
    if not arguments.runs:
        raise ConfigError("no run is named", where="arguments", todo="give the folder of a run")
    if not 0 <= arguments.loss < 1:
        raise ConfigError(
            f"loss={arguments.loss}: must be a share of the NDCG, at least 0 and less than 1",
            where="loss",
            todo="write loss=0.03 for 3 %",
        )
    out = arguments.out
    if out is not None and out.suffix not in (".html", ".json"):
        raise ConfigError(f"out={out}: unsupported file type", todo="use .html or .json")
    if out is not None:
        check_file(out, key="out", example="tradeoffs.html")
    if out is not None and out.suffix == ".html":
        from seqrec.pages.page import check_packages

        check_packages(instead="out=tradeoffs.json")


def main() -> None:
    """Read the arguments and show the trade-offs."""
    with plain_errors():
        show_tradeoffs(parse(Arguments, sys.argv[1:]))


if __name__ == "__main__":
    main()
