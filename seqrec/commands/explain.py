"""Explain a recommendation of a trained run, or audit how far its explanations can be trusted."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqrec.clock import instant
from seqrec.commands.recommend import read_context
from seqrec.config.cli.script import PAIRS, argument_names, parse
from seqrec.config.trust import Trust
from seqrec.disk.writable import check_file
from seqrec.disk.write import write_file
from seqrec.errors import ConfigError
from seqrec.terminal.console import Console, console, print_line
from seqrec.terminal.errors import plain_errors
from seqrec.terminal.progress import progress_bar
from seqrec.terminal.table import Table

if TYPE_CHECKING:  # --help and refused command lines don't need it
    from seqrec.config.choose import Nodes
    from seqrec.explain.case import Case
    from seqrec.explain.why import Why
    from seqrec.recommend import Recommender, Session
    from seqrec.run.folder import RunFolder
    from seqrec.shapes import History

OPTIONS: Any = field(default_factory=dict, metadata=PAIRS)
METHOD, COUNTERFACTUAL = "leave_one_out", "counterfactual"
ASKING = ("items", "user", "target", "instead", "out", "context", "at", "mask_seen")
OTHERS = 200  # users that a method may compare with


@dataclass
class Arguments:
    """Explain why an item is recommended, or audit the explanations of a run.

    python scripts/explain.py run=outputs/.../... items='[50, 181, 7]'
    python scripts/explain.py run=outputs/.../... user=42 target=50 methods='[shapley, recency]'
    python scripts/explain.py run=outputs/.../... user=42 instead=181 out=why.html
    python scripts/explain.py run=outputs/.../... user=42 method=integrated_gradients steps=100
    python scripts/explain.py run=outputs/.../... audit=true users=500
    """

    run: str  # the folder of a run
    items: list[str] | None = None  # a session: original item ids, oldest first
    user: str | None = None  # a user of the run's data, by original id
    target: str | None = None  # original id of the item to explain; default: the best one, top
    instead: str | None = None  # original id of another item: why the target and not this one
    method: str | None = None  # a file of configs/explainer; default: leave_one_out
    methods: list[str] | None = None  # several of them; an audit's default: all
    options: dict[str, str] = OPTIONS  # keys of the methods: steps=100, shapley.permutations=128
    k: int = 10  # the list that the counterfactual takes the item out of
    counterfactual: bool = True  # search for the events without which the item leaves the list
    context: str | None = None  # columns of the events, for a run with context=events
    at: str | None = None  # ISO time of the recommendation; default: now
    mask_seen: bool | None = None  # leave out items in the history; default: the run's
    format: str = "text"  # text | json
    out: Path | None = None  # write the answer to a file: .json or .html
    audit: bool = False  # audit the methods on the run's test users, into the run's folder
    users: int = 500  # of the audit
    seed: int = 0  # of the methods that draw, and of an audit's users, ties and shuffled weights
    searchpath: list[str] | None = None  # folders of your own modules that the run may name
    trust: bool = False  # import and call whatever the run names; only for runs you know


def explain_run(arguments: Arguments) -> None:
    """Check the arguments, load the run, and explain or audit."""
    if "counterfactual.k" in arguments.options:
        raise ConfigError("the list's length is k", where="counterfactual.k", todo="write k=10")
    nodes = settings(arguments)
    check(arguments)
    from seqrec.recommend import Recommender
    from seqrec.run.folder import RunFolder

    trust = Trust.given(trust=arguments.trust, searchpath=arguments.searchpath)
    folder = RunFolder.open(arguments.run, trust)
    recommender = Recommender.of(folder)
    if arguments.audit:
        audit_run(arguments, folder, recommender, nodes)
    else:
        answer(arguments, folder, recommender, nodes)


def check(arguments: Arguments) -> None:
    """Refuse arguments that contradict each other.

    Raises:
        ConfigError: they do.
    """
    if arguments.format not in ("text", "json"):
        raise ConfigError(f"format={arguments.format} is unknown", todo="choose text or json")
    if arguments.audit:
        given = [name for name in ASKING if getattr(arguments, name) is not None]
        if given:
            raise ConfigError(
                f"an audit is of the run's test users, so it takes no {given[0]}=",
                where="arguments",
                todo=f"leave {given[0]}= out, or audit=true",
            )
    elif (arguments.items is None) == (arguments.user is None):
        raise ConfigError(
            "give one of items='[id, id, ...]', user=ID, audit=true", where="arguments"
        )
    out = arguments.out
    if out is not None and out.suffix not in (".json", ".html"):
        raise ConfigError(f"out={out}: unsupported file type", todo="use .json or .html")
    if out is not None:
        check_file(out, key="out", example="why.html")
    if arguments.seed < 0:
        raise ConfigError(f"seed={arguments.seed}: must be at least 0", todo="write seed=0")


def settings(arguments: Arguments) -> "Nodes":
    """Return the settings of the chosen methods."""
    from seqrec.explain.choose import EXPLAINERS
    from seqrec.explain.estimates import CONTROLS

    folders = [Path(place).expanduser() for place in arguments.searchpath or ()]
    wanted = [*([arguments.method] if arguments.method else []), *(arguments.methods or [])]
    if arguments.audit:
        if COUNTERFACTUAL in wanted:
            raise ConfigError(
                "a counterfactual is a set of events and weighs none, so it has no fidelity",
                where="methods",
                todo="leave it out",
            )
        every = [name for name in EXPLAINERS.names(folders) if name != COUNTERFACTUAL]
        wanted = [*dict.fromkeys([*wanted, *CONTROLS])] if wanted else every
        return _seeded(
            EXPLAINERS.settings_of(
                wanted, arguments.options, folders=folders, beside=argument_names(Arguments)
            ),
            arguments,
        )
    wanted = wanted or [METHOD]
    if arguments.counterfactual:
        wanted = [*wanted, COUNTERFACTUAL]
    nodes = EXPLAINERS.settings_of(
        wanted, arguments.options, folders=folders, beside=argument_names(Arguments)
    )
    return _seeded(nodes, arguments)


def _seeded(nodes: "Nodes", arguments: Arguments) -> "Nodes":
    """Give the methods that draw the seed, except those with one of their own."""
    for name, node in nodes.items():
        if "seed" in node and f"{name}.seed" not in arguments.options:
            node["seed"] = arguments.seed
    return nodes


def answer(
    arguments: Arguments, folder: "RunFolder", recommender: "Recommender", nodes: "Nodes"
) -> None:
    """Explain one item of one history."""
    from seqrec.explain.case import Case
    from seqrec.explain.why import explain
    from seqrec.pages.page import check_packages
    from seqrec.run.audited import read_audit

    if arguments.out is not None and arguments.out.suffix == ".html":
        check_packages(instead="out=why.json")
    session = session_of(arguments, recommender)
    case = Case.of(recommender, session, arguments.mask_seen, others_of(nodes, recommender))
    why = explain(
        case,
        nodes,
        target=arguments.target or "top",
        instead=arguments.instead,
        k=arguments.k,
        audited=read_audit(folder),
    )
    text = json.dumps(why.plain(), indent=2)
    write(arguments, why, case, text)
    if arguments.format == "json":
        print(text)
    else:
        from seqrec.explain.show.terminal import show

        show(console(), why)
        if arguments.out is not None:
            print_line(console(), "written", str(arguments.out))


def write(arguments: Arguments, why: "Why", case: "Case", text: str) -> None:
    """Write the answer to a file, if one is asked for, atomically."""
    from seqrec.explain.show.page import write_why

    if arguments.out is not None and arguments.out.suffix == ".html":
        index = case.recommender.items.index
        other = None if why.instead is None else index[why.instead.item]
        question = case.question(index[why.target.item], other)
        write_why(arguments.out, why, question, run=arguments.run)
    elif arguments.out is not None:
        write_file(arguments.out, text + "\n")


def others_of(nodes: "Nodes", recommender: "Recommender") -> "History | None":
    """Return histories of other users, if a method compares with them."""
    from seqrec.explain.drawn import data_of, draw

    if not any(node.get("baseline") == "users" for node in nodes.values()):
        return None
    return draw(recommender, data_of(recommender), OTHERS, seed=0).history


def session_of(arguments: Arguments, recommender: "Recommender") -> "Session":
    """Return the history that is asked about."""
    from seqrec.recommend import Session

    context, asked = read_context(arguments.context), instant(arguments.at, where="at")
    if arguments.items is not None:
        return Session(arguments.items, context=context, asked=asked)
    session = recommender.session(str(arguments.user))
    return replace(session, context={**session.context, **context}, asked=asked)


def audit_run(
    arguments: Arguments, folder: "RunFolder", recommender: "Recommender", nodes: "Nodes"
) -> None:
    """Audit the methods, write what was found, and print the table."""
    from seqrec.explain.audit import audit
    from seqrec.explain.choose import EXPLAINERS
    from seqrec.explain.media import log_audit
    from seqrec.explain.overview.page import can_write, write_overview
    from seqrec.explain.write import rows_of, write_audit

    out = console()
    with telling(out) as tell:
        found = audit(
            recommender,
            EXPLAINERS.build(nodes),
            settings=nodes,
            users=arguments.users,
            seed=arguments.seed,
            optional=not (arguments.method or arguments.methods),
            tell=tell,
        )
    write_audit(folder, found)
    page = folder.path / "explanations.html" if can_write() else None
    if page is not None:
        write_overview(page, found.content, run=str(folder.path))
    hints = log_audit(folder, recommender.config, found.content)
    if arguments.format == "json":
        print(json.dumps(found.content))
        return
    print_line(out, "audited", f"{found.content['users']:,} users of {found.content['data']}")
    head, rows = rows_of(found.content, intervals=False)
    table = Table()
    for column in ("method", *head):
        table.add_column(column, right=column != "method")
    for name, cells in rows:
        table.add_row(name, *cells)
    out.print(table)
    for name, reason in found.content["left_out"].items():
        print_line(out, "left out", f"{name}: {reason}")
    print_line(out, "written", str(folder.path / "explanations.md"))
    if page is not None:
        print_line(out, "page", f"{page}: which events matter over all users")
    for hint in hints:
        print_line(out, "", hint)


@contextmanager
def telling(out: Console) -> Iterator[Any]:
    """Show a bar that follows what an audit tells."""
    columns = ("{task.description}", "bar", "elapsed")
    with progress_bar(*columns, out=out, transient=True) as progress:
        task = progress.add_task("", total=None)

        def tell(what: str, done: int, total: int) -> None:
            progress.update(task, description=what, completed=done, total=total)

        yield tell


def main() -> None:
    """Read the arguments and explain."""
    with plain_errors():
        explain_run(parse(Arguments, sys.argv[1:]))


if __name__ == "__main__":
    main()
