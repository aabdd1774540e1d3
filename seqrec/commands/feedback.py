"""Describe a log of feedback, forget a session, or turn its past hours into Parquet."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqrec.clock import iso_time
from seqrec.config.cli.script import parse
from seqrec.errors import ConfigError, DataError
from seqrec.terminal.console import console, print_line, print_whole
from seqrec.terminal.errors import plain_errors
from seqrec.terminal.table import Table

if TYPE_CHECKING:  # --help and refused command lines don't need it
    import polars as pl

MINUTE = 60_000
DAY = 86_400_000
DAYS = 14  # the latest, in the terminal


@dataclass
class Arguments:
    """Describe a log of feedback, forget a session, or turn its past hours into Parquet.

    python scripts/feedback.py log=outputs/serving/log
    python scripts/feedback.py log=outputs/serving/log compact=true
    python scripts/feedback.py log=outputs/serving/log forget=ann
    """

    log: Path  # the folder of a log; it may be written to meanwhile
    compact: bool = False  # turn hours that are over into Parquet, without what is forgotten
    forget: str | None = None  # the id of a session whose lines until now are left out from now on
    window: float = 30.0  # minutes from a slate to a click that still counts
    format: str = "text"  # text | json


def feedback(arguments: Arguments) -> None:
    """Do what is asked, and describe the log after it."""
    if arguments.format not in ("text", "json"):
        raise ConfigError(f"format={arguments.format} is unknown", todo="choose text or json")
    from seqrec.feedback import Log, attribute, compact, read_log
    from seqrec.feedback.read import check_log
    from seqrec.feedback.salt import beside

    check_log(arguments.log)
    if arguments.forget is not None:
        if not beside(arguments.log).is_file():
            raise DataError(
                "without its salt, the log can't tell which lines are of a session",
                where=str(beside(arguments.log)),
                todo="bring the file back from where the server runs",
            )
        log = Log(arguments.log)
        log.forget(arguments.forget)
        log.close()
    done = compact(arguments.log) if arguments.compact else None
    found = read_log(arguments.log)
    slates, outcomes = attribute(found, window=round(arguments.window * MINUTE))
    content: dict[str, Any] = {
        "log": str(arguments.log),
        "slates": len(slates),
        "outcomes": len(found.outcomes),
        "sessions": slates["session"].n_unique(),
        "lines": found.counts,
        "clicks": outcomes,
        "parts": done,
        "days": _days(slates),
    }
    if arguments.format == "json":
        print(json.dumps(content))
    else:
        show(content)


def show(content: dict[str, Any]) -> None:
    """Print what a log holds."""
    out = console()
    counts = (f"{content[name]:,} {name}" for name in ("slates", "outcomes", "sessions"))
    print_line(out, "log", f"{content['log']}: {', '.join(counts)}")
    for label in ("lines", "clicks", "parts"):
        there = [f"{n:,} {name.replace('_', ' ')}" for name, n in (content[label] or {}).items()]
        if there:
            print_line(out, label, ", ".join(there))
    table = Table()
    for column in ("day (UTC)", "slates", "clicks", "a slate", "policies", "bundles"):
        table.add_column(column, right=column in ("slates", "clicks", "a slate"))
    for day in content["days"][-DAYS:]:
        each = day["clicks"] / day["slates"]
        numbers = f"{day['slates']:,}", f"{day['clicks']:,.0f}", f"{each:.3f}"
        table.add_row(day["day"], *numbers, ", ".join(day["policies"]), ", ".join(day["bundles"]))
    if content["days"]:
        print_whole(out, table)


def _days(slates: "pl.DataFrame") -> list[dict[str, Any]]:
    """Return a row for each day that has slates."""
    import polars as pl

    names = pl.col("policy").str.json_path_match("$.name").unique().sort()
    table = (
        slates.group_by(pl.col("time") // DAY)
        .agg(
            pl.len().alias("slates"),
            pl.col("rewards").list.sum().sum().alias("clicks"),
            names.drop_nulls().alias("policies"),
            pl.col("bundle").str.slice(0, 12).unique().sort().alias("bundles"),
        )
        .sort("time")
    )
    return [{"day": iso_time(row.pop("time") * DAY), **row} for row in table.iter_rows(named=True)]


def main() -> None:
    """Read the arguments and do what is asked."""
    with plain_errors():
        feedback(parse(Arguments, sys.argv[1:]))


if __name__ == "__main__":
    main()
