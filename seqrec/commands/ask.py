"""Choose which items to ask users about next, and compare ways to choose (active learning)."""

import json
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqrec.config.cli.script import parse
from seqrec.config.trust import Trust
from seqrec.disk.writable import check_file
from seqrec.disk.write import write_file
from seqrec.errors import ConfigError, RunError
from seqrec.home import command
from seqrec.terminal.console import console, print_line
from seqrec.terminal.errors import plain_errors
from seqrec.terminal.progress import progress_bar
from seqrec.terminal.table import Table

if TYPE_CHECKING:  # --help and refused command lines don't need it
    from seqrec.run.folder import RunFolder

NAMES = ("entropy", "margin", "variance", "popularity", "random")
STRATEGIES: Any = field(default_factory=lambda: list(NAMES))
SHARES: Any = field(default_factory=lambda: [0.2, 0.4, 0.6, 1.0])
SEEDS: Any = field(default_factory=lambda: [1, 2, 3])


@dataclass
class Arguments:
    """Choose which items to ask a user about, or compare ways to choose, from a trained run.

    python scripts/ask.py run=outputs/.../... user=42 strategy=margin
    python scripts/ask.py run=outputs/.../... items='[50, 181, 7]' k=5
    python scripts/ask.py run=outputs/.../... seeds='[1, 2, 3]' epochs=10 out=ask.html

    A comparison hides training events, trains on the others, lets each strategy choose what to
    reveal, and trains again. A user is asked about events that they had, and answers.
    """

    run: str  # the folder of a run
    user: str | None = None  # ask this user of the run's data
    items: list[str] | None = None  # or a session: original item ids, oldest first
    strategy: str = "margin"  # of the questions to one user
    k: int = 10  # questions to one user, and length of the lists that strategies look at
    strategies: list[str] = STRATEGIES  # that are compared
    shares: list[float] = SHARES  # of each user's training events that are known, increasing
    seeds: list[int] = SEEDS  # of the comparison; the first is that of the questions to one user
    epochs: int = 10  # of each training of the comparison
    passes: int = 8  # with dropout, for variance
    out: Path | None = None  # write the comparison to a file: .html or .json
    where: list[str] | None = None  # for moved data: '[data.path=FILE, paths.cache_dir=FOLDER]'
    searchpath: list[str] | None = None  # folders of your own modules that the run may name
    trust: bool = False  # import and call whatever the run names; only for runs you know


def ask(arguments: Arguments) -> None:
    """Check the arguments, and ask one user or compare."""
    check(arguments)
    from seqrec.run.folder import RunFolder
    from seqrec.training.trainer import silence

    silence()
    trust = Trust.given(trust=arguments.trust, searchpath=arguments.searchpath)
    folder = RunFolder.open(arguments.run, trust)
    if arguments.user is not None or arguments.items is not None:
        ask_one(folder, arguments)
    else:
        compare_all(folder, arguments)


def check(arguments: Arguments) -> None:
    """Refuse arguments that are out of range or contradict each other.

    Raises:
        ConfigError: they do.
    """
    for key, names in {
        "strategy": [arguments.strategy],
        "strategies": arguments.strategies,
    }.items():
        wrong = [name for name in names if name not in NAMES]
        if wrong or not names:
            raise ConfigError(
                f"{key}={', '.join(wrong)} is unknown", todo=f"choose from {', '.join(NAMES)}"
            )
    for key, least in (("k", 1), ("epochs", 1), ("passes", 2)):
        if getattr(arguments, key) < least:
            raise ConfigError(f"{key}={getattr(arguments, key)}: must be at least {least}")
    shares = arguments.shares
    if not shares or sorted(set(shares)) != shares or not 0 < shares[0] <= shares[-1] <= 1:
        raise ConfigError(
            f"shares={shares}: must increase, above 0 and up to 1", todo="write shares='[0.2, 0.5]'"
        )
    if not arguments.seeds:
        raise ConfigError("seeds is empty", todo="write seeds='[1, 2, 3]'")
    if arguments.user is not None and arguments.items is not None:
        raise ConfigError(
            "a user and items are two ways to name a history", todo="give one of them"
        )
    if arguments.out is not None:
        if arguments.out.suffix not in (".html", ".json"):
            raise ConfigError(f"out={arguments.out}: must end in .html or .json")
        check_file(arguments.out, key="out", example="ask.html")
        if arguments.out.suffix == ".html":
            from seqrec.pages.page import check_packages

            check_packages(instead="out=ask.json")


def ask_one(folder: "RunFolder", arguments: Arguments) -> None:
    """Print the items to ask one user about."""
    import torch

    from seqrec.asking.one import questions
    from seqrec.recommend import Recommender, Session

    recommender = Recommender.of(folder)
    session = (
        recommender.session(arguments.user)
        if arguments.user is not None
        else Session(arguments.items or [])
    )
    events = folder.read_table("catalogue.parquet")["item_events"]
    found = questions(
        recommender,
        session,
        count_V=torch.tensor([0, *events]),
        strategy=arguments.strategy,
        k=arguments.k,
        passes=arguments.passes,
        seed=arguments.seeds[0],
    )
    table = Table(f"ask about these items ({arguments.strategy})")
    for column in ("", "item", "title", "probability"):
        table.add_column(column, right=column in ("", "probability"))
    for at, row in enumerate(found.iter_rows(named=True), start=1):
        table.add_row(str(at), row["item"], row["title"], f"{row['probability']:.4f}")
    out = console()
    out.print(table)
    print_line(out, "means", "probability: that the item is the next; order: what would tell most")
    print_line(out, "next", f"{command('recommend', f'run={folder.path}')} items='[...]'")


def compare_all(folder: "RunFolder", arguments: Arguments) -> None:
    """Compare the strategies, print the table, and write the file.

    Raises:
        RunError: the run is of a baseline or of other runs.
    """
    from seqrec.asking.loop import Plan, compare
    from seqrec.asking.show import ahead, table_of, write_curves
    from seqrec.experiment.evaluate import relocated
    from seqrec.recommend.data import find_data

    root = relocated(folder.config(), arguments.where)
    if root.encoder is None:
        raise RunError(
            "the model isn't trained, so it can't learn from answers",
            where=str(folder.path),
            todo="name the run of a trained model",
        )
    root.update = root.compress = root.adapter = None
    store, metric = find_data(folder, root), root.evaluation.monitor
    names = ("strategies", "shares", "seeds", "epochs", "k", "passes")
    plan = Plan(**{name: getattr(arguments, name) for name in names})
    out = console()
    with progress_bar("bar", "counted", "{task.description}", "elapsed", out=out) as bar:
        task, begun = bar.add_task("", total=plan.trainings), [0]

        def told(text: str) -> None:
            bar.update(task, description=text, completed=begun[0])
            begun[0] += 1

        points = compare(root, store, plan, told=told)
        bar.update(task, completed=plan.trainings, description="done")
    out.print(table_of(points, metric))
    between = [share for share in plan.shares[1:] if share < 1]
    for name, gain, spread in ahead(points, share=between[0]) if between else []:
        text = f"{name} - random = {gain:+.4f} ± {spread:.4f} at {between[0]:.0%} of the events"
        print_line(out, "ahead", text)
    if arguments.out is not None:
        typed = command("ask", *sys.argv[1:])
        if arguments.out.suffix == ".json":
            content = {"metric": f"test/{metric}", "points": [asdict(point) for point in points]}
            write_file(arguments.out, json.dumps(content, indent=1) + "\n")
        else:
            lead = f"{store.name}: {plan.trainings} trainings of {plan.epochs} epochs each."
            write_curves(arguments.out, points, metric=metric, lead=lead, typed=typed)
        print_line(out, "saved", str(arguments.out))
    print_line(out, "next", f"{command('ask', f'run={folder.path}')} user=ID strategy=margin")


def main() -> None:
    """Read the arguments and ask."""
    with plain_errors():
        ask(parse(Arguments, sys.argv[1:]))


if __name__ == "__main__":
    main()
