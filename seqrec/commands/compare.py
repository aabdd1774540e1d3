"""Compare runs: which is better, by how much, and is it more than chance?"""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqrec.config.check.mistakes import unknown
from seqrec.config.cli.script import PAIRS, WORDS, parse
from seqrec.config.trust import Trust
from seqrec.errors import ConfigError, RunError
from seqrec.home import command
from seqrec.terminal.errors import plain_errors
from seqrec.terminal.say import say

if TYPE_CHECKING:  # --help and refused command lines don't need it
    from seqrec.comparison.estimate.rows import Comparison
    from seqrec.comparison.read.find import Skipped

PLACES: Any = field(default_factory=lambda: ["outputs"], metadata=WORDS)
FILTERS: Any = field(default_factory=dict, metadata=PAIRS)
METRICS: Any = field(default_factory=lambda: ["ndcg@10", "hit_rate@10"])
FORMATS = ("table", "markdown", "csv", "latex")


@dataclass
class Arguments:
    """Compare runs.

    python scripts/compare.py                                   # all runs below outputs/
    python scripts/compare.py outputs/movielens_100k encoder=gru,lstm by=encoder,loss
    python scripts/compare.py 'outputs/*/sasrec' data=amazon reference=popularity
    python scripts/compare.py outputs/amazon report=report.html
    """

    runs: list[str] = PLACES  # folders of runs, folders above runs, or patterns
    filters: dict[str, str] = FILTERS  # only runs with this value of a key or group; a,b: either
    by: list[str] | None = None  # keys that distinguish rows; null: all that differ except the seed
    metric: list[str] = METRICS  # any metrics, those of ranks at any k; the first is tested
    reference: str | None = None  # the row to test the others against; null: the best
    separate: bool = False  # one table for each dataset and protocol, instead of an error
    format: str = "table"  # table | markdown | csv | latex
    report: Path | None = None  # write an HTML page with charts to this file
    searchpath: list[str] | None = None  # folders of your own modules that a run may name
    trust: bool = False  # import and call whatever a run names; only for runs you know
    replicates: int = 10_000  # draws of the bootstrap


def compare_runs(arguments: Arguments) -> None:
    """Find and filter the runs, compare them, and print or write the tables."""
    check(arguments)
    from seqrec.comparison.estimate.comparison import compare
    from seqrec.comparison.read.choose import comparable, filter_runs
    from seqrec.comparison.read.find import find_runs

    runs, skipped = find_runs(
        arguments.runs, Trust.given(trust=arguments.trust, searchpath=arguments.searchpath)
    )
    if not runs:
        raise RunError(
            "no finished run to compare",
            where="; ".join(f"{s.path}: {s.reason}" for s in skipped[:10]),
            todo=f"train some: {command('train', '-m')} model=lstm_attn,popularity seed=1,2",
        )
    chosen = filter_runs(runs, arguments.filters, options=vars(arguments))
    comparisons = [
        compare(
            group,
            by=arguments.by,
            metrics=arguments.metric,
            reference=arguments.reference,
            replicates=arguments.replicates,
        )
        for group in comparable(chosen, separate=arguments.separate)
    ]
    print_tables(comparisons, arguments.format)
    for each in skipped:
        say(f"left out {each.path}: {each.reason}", style="yellow")
    if arguments.report:
        write(arguments, comparisons, skipped)


def check(arguments: Arguments) -> None:
    """Check the arguments before any run is read, without importing torch."""
    if arguments.format not in FORMATS:
        problem = unknown(arguments.format, FORMATS, noun="formats")
        raise ConfigError(f"format={arguments.format}: {problem}")
    if arguments.replicates < 100:
        raise ConfigError(
            f"replicates={arguments.replicates}: too few for intervals",
            todo="use replicates=10000, or 1000 for millions of users",
        )
    if not arguments.metric or arguments.by == []:
        raise ConfigError("metric= and by= need a name", todo="write metric=ndcg@10 by=model")
    if arguments.report:
        from seqrec.comparison.show.report.page import check_target

        check_target(arguments.report)


def print_tables(comparisons: "list[Comparison]", form: str) -> None:
    """Print each table; in the terminal, also its data, protocol and notes."""
    from seqrec.comparison.show import table
    from seqrec.terminal.console import console, print_line, print_whole

    made: dict[str, Any] = {
        "markdown": table.markdown,
        "csv": table.as_csv,
        "latex": table.latex,
    }
    out = console()
    for comparison in comparisons:
        if form in made:
            print(made[form](comparison), end="" if comparison is comparisons[-1] else "\n")
            continue
        first = comparison.runs[0]
        print_line(out, "data", f"{first.protocol['data']}  hash {first.results['data_hash'][:12]}")
        print_line(out, "protocol", first.results["protocol"])
        print_whole(out, table.terminal(comparison))
        for note in table.notes(comparison):
            print_line(out, "", note)


def write(arguments: Arguments, comparisons: "list[Comparison]", skipped: "list[Skipped]") -> None:
    """Write the HTML report."""
    from seqrec.comparison.show.report.page import write_report

    assert arguments.report is not None
    write_report(arguments.report, comparisons, skipped, replicates=arguments.replicates)
    say(f"report  {arguments.report}")


def main() -> None:
    """Read the arguments and compare."""
    with plain_errors():
        compare_runs(parse(Arguments, sys.argv[1:]))


if __name__ == "__main__":
    main()
