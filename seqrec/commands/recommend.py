"""Recommend from a trained run: to a session, to a user of its data, or to all users."""

import json
import sys
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from seqrec.clock import instant
from seqrec.config.cli.script import PAIRS, parse
from seqrec.config.trust import Trust
from seqrec.disk.writable import check_file, check_folder
from seqrec.disk.write import replacing, telling
from seqrec.errors import ConfigError
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
    python scripts/recommend.py run=outputs/.../... out=lists/ workers=4
    python scripts/recommend.py bundle=bundle users=histories.parquet out=lists/ engine=spark

    A folder gets the lists in parts (part-00000.parquet: user, rank, item, score), with a bounded
    memory, by several processes or machines; these find the run or bundle, the data and the folder
    at the same paths. After a kill, the same command goes on with the parts that are missing.
    """

    run: str | None = None  # the folder of a run
    bundle: str | None = None  # an exported bundle that makes the lists of a folder, without torch
    items: list[str] | None = None  # a session: original item ids, oldest first
    user: str | None = None  # a user of the run's data, by original id
    out: Path | None = None  # for lists of all users: a .parquet or .csv file, or a folder of parts
    users: Path | None = None  # Parquet file of histories (user, items); default: the run's data
    engine: str = "local"  # what makes the parts of a folder: local | ray | spark
    workers: int = 1  # processes that make parts on this machine
    address: str | None = None  # of a Ray or Spark cluster, which has its own workers
    part: int = 16384  # users of a part, a multiple of 256
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
        raise ConfigError(
            "give one of items='[id, id, ...]', user=ID, out=FILE, out=FOLDER", where="arguments"
        )
    _check_folder_keys(arguments)
    if arguments.out is not None:
        if arguments.out.suffix:
            recommend_to_all(arguments, arguments.out, settings)
        else:
            recommend_in_parts(arguments, arguments.out, settings)
        return
    if arguments.format not in ("table", "json"):
        raise ConfigError(f"format={arguments.format} is unknown", todo="choose table or json")
    context, asked = read_context(arguments.context), instant(arguments.at, where="at")
    from seqrec.recommend import Recommender, Session
    from seqrec.run.audited import read_audit
    from seqrec.run.folder import RunFolder

    trust = Trust.given(trust=arguments.trust, searchpath=arguments.searchpath)
    folder = RunFolder.open(str(arguments.run), trust)
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
        str(arguments.run), trust=arguments.trust, searchpath=arguments.searchpath
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


def recommend_in_parts(arguments: Arguments, out: Path, settings: "Nodes") -> None:
    """Write the lists of all users to a folder, in parts; go on with what is missing."""
    from seqrec.nightly.engines import check_engine

    asked = instant(arguments.at, where="at")
    check_engine(arguments.engine, workers=arguments.workers, address=arguments.address)
    check_folder(out, key="out")
    from seqrec.nightly.folder import held
    from seqrec.nightly.job import Job, Settings
    from seqrec.nightly.night import finish, prepared, users_of_run
    from seqrec.recommend.arguments import length_of

    names = ("mask_seen", "allow", "deny", "trust", "searchpath")
    chosen = {name: getattr(arguments, name) for name in names}
    wanted = Settings(length_of(arguments.k), asked=0, generator=settings, **chosen)
    model = Path(str(arguments.bundle or arguments.run)).absolute()
    screen, made = console(), []
    with held(out):
        users = arguments.users or users_of_run(Path(str(arguments.run)), wanted)
        night = prepared(
            Job(
                out=out.absolute(),
                model=model,
                is_bundle=arguments.bundle is not None,
                users=users.absolute(),
                settings=wanted,
                part=arguments.part,
            ),
            at=asked,
        )
        if night.kept:
            print_line(screen, "kept", f"parts that were finished before ({len(night.kept)})")
        with progress_bar("bar", "counted", "users", "elapsed", "remaining", out=screen) as bar:
            task = bar.add_task("", total=night.users)
            bar.advance(task, sum(part.users + part.n_without for part in night.kept))
            for part in night.parts(arguments.engine, arguments.workers, arguments.address):
                made.append(part)
                bar.advance(task, part.users + part.n_without)
        parts = finish(night, made)
    rows, listed = sum(part.rows for part in parts), sum(part.users for part in parts)
    print_line(screen, "lists", f"{rows:,} rows of {listed:,} users in parts ({len(parts)}): {out}")
    if without := sum(part.n_without for part in parts):
        first = ", ".join([user for part in parts for user in part.without][:5])
        print_line(screen, "without", f"{without:,} users, of whom no item is known: {first}")
    read = f"import polars; print(polars.read_parquet('{out}/*.parquet'))"
    print_line(screen, "next", f'python -c "{read}"')


def _check_folder_keys(arguments: Arguments) -> None:
    """Refuse keys that only make sense for a folder of lists, and a model that isn't one."""
    given, folder = vars(arguments), arguments.out is not None and not arguments.out.suffix
    defaults = {each.name: each.default for each in fields(Arguments)}
    for name in ("bundle", "users", "engine", "workers", "address", "part"):
        if not folder and given[name] != defaults[name]:
            raise ConfigError(f"{name}= needs out=FOLDER", where="arguments")
    if (arguments.run is None) == (arguments.bundle is None):
        raise ConfigError("give one of run=RUN, bundle=BUNDLE", where="arguments")
    if arguments.bundle is not None and arguments.users is None:
        raise ConfigError("bundle= needs users=FILE, a Parquet file of histories", where="users")
    if arguments.bundle is not None and arguments.generator is not None:
        raise ConfigError("generator= needs run=RUN", where="generator")
    if arguments.users is not None and arguments.users.suffix != ".parquet":
        raise ConfigError(
            f"users={arguments.users}: unsupported file type", todo="use a .parquet file"
        )
    if folder and arguments.context is not None:
        raise ConfigError("context= needs items= or user=", where="arguments")
    if arguments.address is not None and arguments.workers != defaults["workers"]:
        raise ConfigError("workers= is for this machine, and address= isn't", where="workers")


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
