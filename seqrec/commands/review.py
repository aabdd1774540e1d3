"""Show odd lists of a log, or of a run's test, to a person, and keep the verdicts."""

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from seqrec.config.cli.script import parse
from seqrec.errors import ConfigError
from seqrec.terminal.errors import plain_errors

if TYPE_CHECKING:  # --help and refused command lines don't need it
    from seqrec.review.verdicts import Files

VERDICTS = ("ok", "deny", "allow", "quarantine", "release")


@dataclass
class Arguments:
    """Show odd lists of a log to a person, and keep the verdicts; or odd lists of a run's test.

    python scripts/review.py log=outputs/serving/log
    python scripts/review.py log=outputs/serving/log list=ID
    python scripts/review.py log=LOG list=ID verdict=deny item=50 reviewer=ada reason=fraud
    python scripts/review.py log=LOG list=ID verdict=quarantine reviewer=ada reason=bot
    python scripts/review.py log=outputs/serving/log check=true
    python scripts/review.py run=outputs/.../...     # what it would show, before it is served
    """

    log: Path | None = None  # the folder that a server logs to
    run: Path | None = None  # instead of a log, the folder of a run
    complaints: list[str] | None = None  # outcomes by which users complain; default: complaint
    list: str | None = None  # request id of a list: show it, or judge it
    verdict: str | None = None  # ok | deny, allow (an item) | quarantine, release (feedback)
    item: str | None = None  # original id, for deny and allow
    session: str | None = None  # hash of a session, for quarantine and release; default: the list's
    event: str | None = None  # id of an outcome, for quarantine and release
    reviewer: str = ""  # who says so
    reason: str = ""  # why
    bundle: Path | None = None  # whose categories tell how varied lists are
    overlap: float = 0.1  # two lists of a session in a row that overlap less (RBO) are odd
    ratio: float = 2.0  # growth of an item's share of the slots in a day that is odd
    most: int = 10  # lists of each kind to show
    check: bool = False  # verify the chain of verdicts and what follows from it
    format: str = "text"  # text | json


def review(arguments: Arguments) -> int:
    """Check the arguments and do what they say; return the exit status."""
    check(arguments)
    from seqrec.review.verdicts import Files

    if arguments.run is not None:
        return test(arguments)
    assert arguments.log is not None
    files = Files(arguments.log)
    if arguments.check:
        return verify(files)
    if arguments.verdict is not None:
        judge(arguments, files)
    elif arguments.list is not None:
        look(arguments.list, files)
    else:
        wait(arguments, files)
    return 0


def check(arguments: Arguments) -> None:
    """Refuse arguments that are out of range or contradict each other.

    Raises:
        ConfigError: they do.
    """
    for key, known in (("verdict", VERDICTS), ("format", ("text", "json"))):
        value = getattr(arguments, key)
        if value is not None and value not in known:
            raise ConfigError(f"{key}={value} is unknown", todo=f"choose {' or '.join(known)}")
    if arguments.verdict is None:
        given = [n for n in ("item", "session", "event", "reviewer") if getattr(arguments, n)]
        if given:
            raise ConfigError(
                f"{given[0]}= belongs to a verdict", where=given[0], todo="add verdict=..."
            )
    if (arguments.log is None) == (arguments.run is None):
        raise ConfigError("give one of log=FOLDER, run=FOLDER", where="arguments")
    if arguments.run is not None:
        given = [n for n in ("list", "verdict", "check", "bundle") if getattr(arguments, n)]
        if given:
            raise ConfigError(
                f"{given[0]}= is about what was shown, and a run's test has shown nothing",
                where=given[0],
                todo="leave it out, or name the log of a server: log=FOLDER",
            )
    if not 0 <= arguments.overlap <= 1:
        raise ConfigError(f"overlap={arguments.overlap}: must be from 0 to 1", todo="overlap=0.1")
    if arguments.ratio < 1:
        raise ConfigError(f"ratio={arguments.ratio}: must be at least 1", todo="ratio=2")
    if arguments.most < 1:
        raise ConfigError(f"most={arguments.most}: must be at least 1", todo="most=10")


def test(arguments: Arguments) -> int:
    """Show the odd lists of a run's test."""
    from seqrec.review.queue import Rules
    from seqrec.review.show import show_tested
    from seqrec.review.tested import odd_lists
    from seqrec.run.folder import RunFolder

    folder = RunFolder.open(str(arguments.run))
    odd = odd_lists(folder, Rules(ratio=arguments.ratio, most=arguments.most))
    if arguments.format == "json":
        print(json.dumps([asdict(each) for each in odd]))
    else:
        catalogue = folder.read_table("catalogue.parquet")
        show_tested(odd, dict(zip(catalogue["item"], catalogue["title"], strict=True)))
    return 0


def wait(arguments: Arguments, files: "Files") -> None:
    """Show the odd lists on which there is no verdict yet."""
    from seqrec.disk.chain import read_chain
    from seqrec.review.look import waiting
    from seqrec.review.queue import Rules
    from seqrec.review.show import show_queue

    rules = Rules(
        complaints=tuple(arguments.complaints or ("complaint",)),
        overlap=arguments.overlap,
        ratio=arguments.ratio,
        most=arguments.most,
    )
    odd = waiting(files, arguments.bundle, rules)
    if arguments.format == "json":
        print(json.dumps([asdict(each) for each in odd]))
    else:
        show_queue(odd, files, len(read_chain(files.chain)))


def look(request_id: str, files: "Files") -> None:
    """Show a list."""
    from seqrec.disk.chain import read_chain
    from seqrec.review.look import read, slate_of
    from seqrec.review.show import show_list

    feedback = read(files.log)
    said = [entry for entry in read_chain(files.chain) if entry.get("list") == request_id]
    show_list(slate_of(feedback, request_id), feedback, said)


def judge(arguments: Arguments, files: "Files") -> None:
    """Record a verdict."""
    from seqrec.review.look import Said, say
    from seqrec.review.show import show_verdict

    entry = say(
        files,
        Said(
            verdict=str(arguments.verdict),
            reviewer=arguments.reviewer,
            reason=arguments.reason,
            request_id=arguments.list,
            item=arguments.item,
            session=arguments.session,
            event=arguments.event,
        ),
    )
    if arguments.format == "json":
        print(json.dumps(entry))
    else:
        show_verdict(entry, files)


def verify(files: "Files") -> int:
    """Verify the chain of verdicts, and that filters and quarantine follow from it."""
    from seqrec.disk.chain import read_chain
    from seqrec.review.verdicts import faults
    from seqrec.terminal.console import console, print_line

    found = faults(files)
    for fault in found:
        print_line(console(), "fault", fault)
    lines = len(read_chain(files.chain))
    print_line(console(), "chain", f"unbroken, {lines:,} verdict{'s' * (lines != 1)}")
    return 1 if found else 0


def main() -> None:
    """Read the arguments and review."""
    with plain_errors():
        status = review(parse(Arguments, sys.argv[1:]))
    sys.exit(status)


if __name__ == "__main__":
    main()
