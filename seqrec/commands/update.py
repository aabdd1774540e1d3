"""Update a trained run with newer events, users and items, without training it anew."""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqrec.config.cli.script import PAIRS, argument_names, parse
from seqrec.config.trust import Trust
from seqrec.errors import ConfigError, RunError
from seqrec.home import command
from seqrec.terminal.console import console, print_line
from seqrec.terminal.errors import plain_errors
from seqrec.terminal.table import Table

if TYPE_CHECKING:  # --help and refused command lines don't need it
    from seqrec.run.folder import RunFolder

OPTIONS: Any = field(default_factory=dict, metadata=PAIRS)
EVENTS: Any = field(default_factory=lambda: ["click"])
BEGUN = ("run", "data", "log", "quarantine", "out", "where")  # what resume= knows already


@dataclass
class Arguments:
    """Update a run: go on from its weights with newer events, into a run folder of its own.

    python scripts/update.py run=outputs/.../... data=orders-june.csv
    python scripts/update.py run=outputs/.../... data=FOLDER growth=features epochs=3
    python scripts/update.py run=outputs/.../... log=log
    python scripts/update.py resume=outputs/.../..._updated
    """

    run: str | None = None  # the folder of the run to update
    data: str | None = None  # its data with newer events: a file, or the folder of raw files
    log: Path | None = None  # the folder of a feedback log
    events: list[str] = EVENTS  # outcomes of the log that count as events
    quarantine: Path | None = None  # JSON file of what is ruled out; default: verdicts in log
    out: Path | None = None  # folder of the new run; default: beside the run, ..._updated
    resume: str | None = None  # the folder of an update that was stopped, to go on with
    growth: str = "neighbours"  # where new items begin: a file of configs/growth
    options: dict[str, str] = OPTIONS  # keys of growth: reach=10, columns='[genres]'
    epochs: int = 2  # passes over what is learned, at most
    patience: int = 1  # validations of the new period without improvement before it stops
    lr: float | None = None  # highest learning rate; default: the run's
    replay: float = 1.0  # old events that are learned again, for each new one
    distil: float = 0.25  # weight of staying near the answers of the run; 0: none
    keep: float = 0.5  # share of the run's weights in those of the new model; 0: none
    valid_share: float = 0.1  # share of the new events that says when to stop
    test_share: float = 0.2  # share of the new events, the latest, that is judged
    seed: int | None = None  # default: the run's
    where: list[str] | None = None  # for moved data: '[data.items_path=FILE, ...]'
    searchpath: list[str] | None = None  # folders of your own modules that the run may name
    trust: bool = False  # import and call whatever the run names; only for runs you know


def update_run(arguments: Arguments) -> None:
    """Check the arguments, update the run, and print what was reached."""
    growth = settings(arguments)  # a mistyped argument is told before one that is missing
    check(arguments)
    from seqrec.experiment.evaluate import relocated
    from seqrec.run.folder import RunFolder
    from seqrec.update.compose import Knobs
    from seqrec.update.feedback import Quarantine
    from seqrec.update.run import News, trained, update

    trust = Trust.given(trust=arguments.trust, searchpath=arguments.searchpath)
    if arguments.resume is not None:
        folder = RunFolder(arguments.resume, trust)
        config = folder.config()
        if config.update is None:
            raise RunError(
                "the run isn't an update",
                where=arguments.resume,
                todo=command("train", f"resume={arguments.resume}"),
            )
        show(folder, trained(folder, config, folder.about()))
        return
    assert arguments.run is not None
    parent = RunFolder.open(arguments.run, trust)
    if not parent.finished:
        raise RunError(
            "the run isn't finished",
            where=str(parent.path),
            todo="finish it first: add resume=auto to its command",
        )
    root = relocated(parent.config(), arguments.where)
    knobs = Knobs(**{name: getattr(arguments, name) for name in Knobs.__dataclass_fields__})
    folder, found = update(
        parent,
        root,
        news=News(
            place=arguments.data,
            log=arguments.log,
            kinds=tuple(arguments.events),
            quarantine=Quarantine.of(arguments.log, arguments.quarantine),
        ),
        growth=growth,
        knobs=knobs,
        out=arguments.out,
        typed=command("update", *sys.argv[1:]),
    )
    show(folder, found)


def check(arguments: Arguments) -> None:
    """Refuse arguments that contradict each other or are out of range.

    Raises:
        ConfigError: they do.
    """
    if arguments.resume is not None:
        given = [name for name in BEGUN if getattr(arguments, name) is not None]
        if given:
            raise ConfigError(
                f"resume= goes on with what was begun, so it takes no {given[0]}=",
                todo="give resume=FOLDER alone",
            )
        return
    if arguments.run is None or (arguments.data is None and arguments.log is None):
        raise ConfigError(
            "give the run to update, and where newer events are",
            todo=f"{command('update', 'run=FOLDER', 'data=FILE')}, or log=FOLDER",
        )
    if arguments.quarantine is not None and arguments.log is None:
        raise ConfigError(
            "a quarantine rules out feedback of a log, and there is none",
            where=f"quarantine={arguments.quarantine}",
            todo="add log=FOLDER, or leave quarantine= out",
        )
    least = {
        "epochs": 1,
        "patience": 0,
        "replay": 0,
        "distil": 0,
        "valid_share": 0,
        "test_share": 0,
    }
    for name, bound in least.items():
        if not getattr(arguments, name) >= bound:
            raise ConfigError(f"{name}={getattr(arguments, name)}: must be at least {bound}")
    if arguments.lr is not None and not arguments.lr > 0:
        raise ConfigError(f"lr={arguments.lr}: must be above 0")


def settings(arguments: Arguments) -> dict[str, Any]:
    """Return the settings of what makes the rows of new items."""
    from seqrec.config.choose import Choice

    growths = Choice("growth", key="growth", several="growths")
    return growths.settings_of(
        [arguments.growth], arguments.options, beside=argument_names(Arguments)
    )[arguments.growth]


def show(folder: "RunFolder", found: dict[str, Any]) -> None:
    """Print what was reached on the old and on the new period, and what to type next."""
    out, metric, new = console(), found["metric"], found["new_items"]
    table = Table("updated")
    table.add_column("period")
    for column in ("events", f"{metric} before", "now", "of before"):
        table.add_column(column, right=True)
    for period in ("old", "new"):
        then, now = (found[period][when][metric] for when in ("before", "after"))
        share = f"{now / then:.1%}" if then else ""
        table.add_row(period, f"{found[period]['events']:,}", f"{then:.4f}", f"{now:.4f}", share)
    out.print()
    out.print(table)
    print_line(out, "lists", f"overlap of old lists, RBO@{found['k']}: {found['overlap']:.3f}")
    hits = f"{new['hits']:,} of {new['events']:,} events with one are hits@{found['k']}"
    print_line(out, "new items", f" {new['items']:,} can be recommended; {hits}")
    print_line(out, "run", str(folder.path))
    print_line(out, "next", command("export", f"run={folder.path}", "out=bundle"))
    print_line(out, "", command("update", f"run={folder.path}", "data=FILE"))


def main() -> None:
    """Read the arguments and update."""
    with plain_errors():
        update_run(parse(Arguments, sys.argv[1:]))


if __name__ == "__main__":
    main()
