"""Tell what each training user's data is worth to the others (data Shapley)."""

import sys
from dataclasses import dataclass
from pathlib import Path

from seqrec.config.cli.script import parse
from seqrec.config.trust import Trust
from seqrec.disk.writable import check_file
from seqrec.disk.write import replacing, telling
from seqrec.errors import ConfigError
from seqrec.terminal.console import console, print_line
from seqrec.terminal.errors import plain_errors
from seqrec.terminal.table import Table

SHOWN = 5  # users at either end


@dataclass
class Arguments:
    """Tell what each training user's data is worth to the others.

    python scripts/value.py run=outputs/.../...
    python scripts/value.py run=outputs/.../... k=100 save=users.parquet

    The values are exact Shapley values of the validation events, in the game of the k nearest
    users: whose items are most like the history, and do they have the target? A table shows what
    the test loses when users of least, most and random value are taken away.
    """

    run: str  # the folder of a run; its data and its split are used, not its model
    k: int = 50  # neighbours that count
    save: str | None = None  # write the values to this Parquet file
    where: list[str] | None = None  # for moved data: '[data.path=FILE, paths.cache_dir=FOLDER]'
    searchpath: list[str] | None = None  # folders of your own modules that the run may name
    trust: bool = False  # import and call whatever the run names; only for runs you know


def tell_values(arguments: Arguments) -> None:
    """Print the users of least and most value, and what it costs to lose them."""
    if arguments.k < 1:
        raise ConfigError(f"k={arguments.k}: must be at least 1", todo="write k=50")
    if arguments.save:
        check_file(Path(arguments.save), key="save", example="users.parquet")
    from seqrec.experiment.evaluate import rebuild, relocated
    from seqrec.explain.users import removals, table_of, user_values
    from seqrec.run.folder import RunFolder
    from seqrec.training.trainer import silence

    silence()
    folder = RunFolder.open(
        arguments.run, Trust.given(trust=arguments.trust, searchpath=arguments.searchpath)
    )
    module = rebuild(folder, relocated(folder.config(), arguments.where))
    store, splits, k = module.store, module.splits, arguments.k
    out = console()
    print_line(out, "data", f"{store.name}  hash {store.data_hash[:12]}")
    value_U = user_values(store, splits.train, splits.valid, k=k)
    users = table_of(store, splits.train, value_U)
    negative = float((value_U < 0).sum()) / max(1, len(users))
    print_line(
        out, "values", f"{len(users):,} users, {negative:.0%} below 0, in all {value_U.sum():.4f}"
    )
    table = Table()
    for name in users.columns:
        table.add_column(name, right=name != "user")
    for user, events, value in [*users.head(SHOWN).rows(), *users.tail(SHOWN).rows()]:
        table.add_row(user, f"{events:,}", f"{value:.6f}")
    out.print(table)
    lost = removals(store, splits.train, splits.test, value_U, k=k)
    table = Table("share of the k nearest users who have the test's target")
    for name in lost.columns:
        table.add_column(name, right=True)
    for removed, *left in lost.rows():
        table.add_row(f"{removed:.0%}", *(f"{each:.4f}" for each in left))
    out.print(table)
    if arguments.save:
        path = Path(arguments.save)
        with telling(path), replacing(path) as part:
            users.write_parquet(part)
        print_line(out, "saved", arguments.save)


def main() -> None:
    """Read the arguments and tell the values."""
    with plain_errors():
        tell_values(parse(Arguments, sys.argv[1:]))


if __name__ == "__main__":
    main()
