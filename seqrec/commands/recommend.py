"""Recommend from a trained run: to a session, to a user of its data, or to all users."""

import json
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from seqrec.clock import instant
from seqrec.config.cli.script import PAIRS, parse
from seqrec.config.trust import Trust
from seqrec.disk.write import replacing, telling
from seqrec.errors import ConfigError
from seqrec.machine.writable import check_file
from seqrec.terminal.console import console, print_line
from seqrec.terminal.errors import plain_errors
from seqrec.terminal.progress import progress_bar
from seqrec.terminal.spreadsheet import with_texts
from seqrec.terminal.table import Table, styled

if TYPE_CHECKING:  # --help and refused command lines don't need it
    import polars as pl

    from seqrec.config.choose import Nodes

OPTIONS: Any = field(default_factory=dict, metadata=PAIRS)
SHOWN_WEIGHTS = "attention", {"of": "head"}  # the explainer whose weights are printed


@dataclass
class Arguments:
    """Recommend from a trained run.

    python scripts/recommend.py run=outputs/.../... user=42
    python scripts/recommend.py run=outputs/.../... items='[50, 181, 7]' k=10
    python scripts/recommend.py run=outputs/.../... items='[50, 7]' context='{rating: [5, null]}'
    python scripts/recommend.py run=outputs/.../... user=42 deny='[50]'
    python scripts/recommend.py run=outputs/.../... user=42 generator=sample temperature=0.7
    python scripts/recommend.py run=outputs/.../... out=lists.parquet
    """

    run: str  # the folder of a run
    items: list[str] | None = None  # a session: original item ids, oldest first
    user: str | None = None  # a user of the run's data, by original id
    out: Path | None = None  # file for lists of all users of the run's data: .parquet or .csv
    context: str | None = None  # columns of the events, for a run with context=events
    at: str | None = None  # ISO time of the recommendation; default: now
    k: int = 10  # length of the list
    mask_seen: bool | None = None  # leave out items in the history; default: the run's
    allow: list[str] | None = None  # the only items to recommend, by original id; default: all
    deny: list[str] = field(default_factory=list)  # items not to recommend, by original id
    generator: str | None = None  # a file of configs/generator; default: the k best items
    options: dict[str, str] = OPTIONS  # keys of the generator: temperature=0.7, width=8
    format: str = "table"  # table | json
    searchpath: list[str] | None = None  # folders of your own modules that the run may name
    trust: bool = False  # import and call whatever the run names; only for runs you know


def recommend(arguments: Arguments) -> None:
    """Load the run, recommend, and print the list."""
    from seqrec.recommend.choose import generator_settings

    settings = generator_settings(
        [arguments.generator] if arguments.generator else [],
        arguments.options,
        folders=arguments.searchpath or (),
        arguments=arguments,
    )
    asked_for = (arguments.items, arguments.user, arguments.out)
    if sum(wanted is not None for wanted in asked_for) != 1:
        raise ConfigError("give one of items='[id, id, ...]', user=ID, out=FILE", where="arguments")
    if arguments.out is not None:
        recommend_to_all(arguments, arguments.out, settings)
        return
    if arguments.format not in ("table", "json"):
        raise ConfigError(f"format={arguments.format} is unknown", todo="choose table or json")
    context, asked = read_context(arguments.context), instant(arguments.at, where="at")
    from seqrec.recommend import Recommender, Session
    from seqrec.run.audited import read_audit
    from seqrec.run.folder import RunFolder

    trust = Trust.given(trust=arguments.trust, searchpath=arguments.searchpath)
    folder = RunFolder.open(arguments.run, trust)
    recommender, audited = Recommender.of(folder), read_audit(folder)
    if arguments.items is None:
        session = recommender.session(str(arguments.user))
        session = replace(session, context={**session.context, **context}, asked=asked)
    else:
        session = Session(arguments.items, context=context, asked=asked)
    answer = recommender.recommend(session, **_wanted(arguments, settings))
    if arguments.format == "json":
        content = {
            "items": answer.items.to_dicts(),
            "history": answer.history.to_dicts(),
            "unknown": answer.unknown,
            "fidelity": audited.fidelity(*SHOWN_WEIGHTS),  # of the attention
        }
        print(json.dumps(content))
        return
    out = console()
    out.print(history_table(answer.history))
    print_line(out, "weights", f"attention: {audited.text(*SHOWN_WEIGHTS)}")
    if answer.items.is_empty():
        why = "every item from training is in the history; mask_seen=false allows repeats"
        print_line(out, "nothing", f"to recommend; {why}")
    else:
        out.print(list_table(answer.items))
    if answer.unknown:
        print_line(
            out, "unknown", "not in the catalogue, left out: " + ", ".join(answer.unknown[:10])
        )


def recommend_to_all(arguments: Arguments, out: Path, settings: "Nodes") -> None:
    """Write the lists of all users to a file; on failure, leave no partial file."""
    if out.suffix not in (".parquet", ".csv"):
        raise ConfigError(f"out={out}: unsupported file type", todo="use .parquet or .csv")
    check_file(out, key="out", example="lists.csv")
    if arguments.context is not None:
        raise ConfigError("context= needs items= or user=", where="arguments")
    asked = instant(arguments.at, where="at")
    import polars as pl

    from seqrec.recommend import Recommender

    lists = Recommender.load(
        arguments.run, trust=arguments.trust, searchpath=arguments.searchpath
    ).everybody(asked=asked, **_wanted(arguments, settings))
    parts = []
    with progress_bar("users {task.completed:,}", "elapsed", out=console()) as progress:
        task = progress.add_task("", total=None)
        for part in lists:
            parts.append(part)
            progress.advance(task, part["user"].n_unique())
    table = pl.concat(parts)
    with telling(out), replacing(out) as partial:
        if out.suffix == ".parquet":
            table.write_parquet(partial)
        else:
            with_texts(table).write_csv(partial)
    print_line(
        console(), "lists", f"{len(table):,} rows of {table['user'].n_unique():,} users: {out}"
    )


def _wanted(arguments: Arguments, settings: "Nodes") -> dict[str, Any]:
    from seqrec.recommend.choose import GENERATORS

    wanted = {name: getattr(arguments, name) for name in ("k", "mask_seen", "allow", "deny")}
    return wanted | {"generator": next(iter(GENERATORS.build(settings).values()), None)}


def read_context(context: str | None) -> dict[str, list[str | None]]:
    """Read ``{rating: [5, null], timestamp: [2024-05-01T10:00, null]}``.

    Raises:
        ConfigError: it isn't a mapping of names to lists.
    """
    try:
        values = {} if context is None else yaml.load(context, Loader=yaml.BaseLoader)
    except yaml.YAMLError:
        values = None
    if not isinstance(values, dict) or not all(isinstance(v, list) for v in values.values()):
        raise ConfigError(
            f"{context!r} isn't a list of values for each name",
            where="context",
            todo="write context='{rating: [5, null], timestamp: [2024-05-01T10:00, null]}'",
        )
    return {
        name: [None if value in ("", "null") else str(value) for value in column]
        for name, column in values.items()
    }


def history_table(history: "pl.DataFrame") -> Table:
    """Return a table of the latest items with their attention weights."""
    table = Table("history, latest last")
    for column in ("item", "title", "attention"):
        table.add_column(column)
    strongest = max(abs(weight) for weight in history["attention"]) or 1.0
    for row in history.tail(10).iter_rows(named=True):
        bar = styled("█" * round(20 * abs(row["attention"]) / strongest), "cyan")
        table.add_row(row["item"], row["title"], styled(f"{row['attention']:6.3f} ") + bar)
    return table


def list_table(items: "pl.DataFrame") -> Table:
    """Return a table of the recommended items."""
    table = Table("recommended")
    for column in ("rank", "item", "title", "score"):
        table.add_column(column, right=column in ("rank", "score"))
    for row in items.iter_rows(named=True):
        table.add_row(str(row["rank"]), row["item"], row["title"], f"{row['score']:.3f}")
    return table


def main() -> None:
    """Read the arguments and recommend."""
    with plain_errors():
        recommend(parse(Arguments, sys.argv[1:]))


if __name__ == "__main__":
    main()
