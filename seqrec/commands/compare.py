"""Compare runs: which is better, by how much, and is it more than chance?"""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.measure import Measurement

from seqrec.config.check.mistakes import unknown
from seqrec.config.cli.script import PAIRS, WORDS, parse
from seqrec.config.trust import Trust
from seqrec.errors import ConfigError, RunError
from seqrec.home import command
from seqrec.terminal.errors import plain_errors, tell

if TYPE_CHECKING:  # --help and a mistake are answered without it
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
    filters: dict[str, str] = FILTERS  # only runs with this key or group choice; a,b: either
    by: list[str] | None = None  # keys that tell rows apart; null: those that do, but for seeds
    metric: list[str] = METRICS  # of ranks, at any length (the first is tested), or any other
    reference: str | None = None  # the row that others are tested against; null: the best
    separate: bool = False  # a table for each data and protocol, instead of refusing
    format: str = "table"  # table | markdown | csv | latex
    report: Path | None = None  # write an HTML page with charts to this file
    searchpath: list[str] | None = None  # folders of your own modules that a run may name
    trust: bool = False  # import and call whatever a run names: only for a run you know
    replicates: int = 10_000  # draws of the bootstrap


def compare_runs(arguments: Arguments) -> None:
    """Find, choose, compare, print, write."""
    check(arguments)
    from seqrec.comparison.estimate.comparison import compare
    from seqrec.comparison.read.choose import comparable, filter_runs
    from seqrec.comparison.read.find import find_runs

    runs, skipped = find_runs(
        arguments.runs, Trust.given(trust=arguments.trust, searchpath=arguments.searchpath)
    )
    if not runs:
        raise RunError(
            "there is no finished run to compare",
            where="; ".join(f"{s.path}: {s.reason}" for s in skipped[:10]),
            todo=f"{command('train', '-m')} model=lstm_attn,popularity seed=1,2, for example",
        )
    chosen = filter_runs(runs, arguments.filters, options=vars(arguments))
    comparisons = [
        compare(
            those,
            by=arguments.by,
            metrics=arguments.metric,
            reference=arguments.reference,
            replicates=arguments.replicates,
        )
        for those in comparable(chosen, separate=arguments.separate)
    ]
    print_tables(comparisons, arguments.format)
    for each in skipped:
        tell(f"left out {each.path}: {each.reason}", style="yellow")
    if arguments.report:
        write(arguments, comparisons, skipped)


def check(arguments: Arguments) -> None:
    """Refuse what can be seen before a run is read; torch isn't loaded for it."""
    if arguments.format not in FORMATS:
        told = unknown(arguments.format, FORMATS, noun="formats")
        raise ConfigError(f"format={arguments.format}: {told}")
    if arguments.replicates < 100:
        raise ConfigError(
            f"replicates={arguments.replicates} are too few for intervals",
            todo="replicates=10000; 1000 if users are millions",
        )
    if not arguments.metric or arguments.by == []:
        raise ConfigError("metric= and by= name one or more", todo="metric=ndcg@10 by=model")
    if arguments.report:
        from seqrec.comparison.show.report.page import check_target

        check_target(arguments.report)


def print_tables(comparisons: "list[Comparison]", form: str) -> None:
    """Each table, and for people what is needed to read it."""
    from seqrec.comparison.show import table
    from seqrec.terminal.console import console, print_line

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
        shown = table.terminal(comparison)
        wanted = Measurement.get(out, out.options.update(width=400), shown).maximum
        out.width = max(out.width, wanted)  # a number that is cut is worse than a broken line
        out.print(shown)
        for note in table.notes(comparison):
            print_line(out, "", note)


def write(arguments: Arguments, comparisons: "list[Comparison]", skipped: "list[Skipped]") -> None:
    """The HTML page."""
    from seqrec.comparison.show.report.page import write_report

    assert arguments.report is not None
    write_report(arguments.report, comparisons, skipped, replicates=arguments.replicates)
    tell(f"report  {arguments.report}")


def main() -> None:
    """Read the arguments and compare."""
    with plain_errors():
        compare_runs(parse(Arguments, sys.argv[1:]))


if __name__ == "__main__":
    main()
