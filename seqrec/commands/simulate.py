"""Let simulated users visit a server of recommendations and click, to try things out."""

import json
import os
import sys
from dataclasses import dataclass

from seqrec.config.cli.script import parse
from seqrec.errors import ConfigError
from seqrec.terminal.console import console, print_line
from seqrec.terminal.errors import plain_errors

LEAST = {"users": 1, "visits": 1, "k": 1, "seed": 0, "tastes": 0}
SHARES = ("liking", "patience")


@dataclass
class Arguments:
    """Let simulated users visit a server of recommendations and click, to try things out.

    Their tastes are known, and follow nothing that the data says: they show if estimates find what
    is true, not if a model is good.

    python scripts/simulate.py server=http://127.0.0.1:8000 users=300 visits=5
    python scripts/simulate.py server=http://127.0.0.1:8000 spread=0 patience=0.5
    """

    server: str = "http://127.0.0.1:8000"  # its address
    users: int = 200  # who come, one after the other
    visits: int = 5  # lists that each asks for
    k: int = 10  # length of the lists
    liking: float = 0.15  # taste for an average item, from 0 to 1
    spread: float = 1.5  # how much tastes differ; 0: position alone decides
    patience: float = 0.85  # share of those who look at a slot that looks at the next
    tastes: int = 0  # seed of the tastes
    seed: int = 0  # of the users who come and of their clicks; the sessions' names have it
    anywhere: bool = False  # the server may be on another machine
    format: str = "text"  # text | json


def simulate(arguments: Arguments) -> None:
    """Check the arguments, visit, and tell what users were shown and did."""
    check(arguments)
    from seqrec.feedback.simulator import Users
    from seqrec.feedback.visits import Server, visit

    server = Server(
        arguments.server, key=os.environ.get("SEQREC_API_KEY"), anywhere=arguments.anywhere
    )
    users = Users(
        seed=arguments.tastes,
        liking=arguments.liking,
        spread=arguments.spread,
        patience=arguments.patience,
    )
    try:
        seen = visit(
            server,
            users,
            count=arguments.users,
            visits=arguments.visits,
            k=arguments.k,
            seed=arguments.seed,
            name=f"simulated-{arguments.seed}",
        )
    finally:
        server.close()
    each = seen.clicks / max(seen.slates, 1)
    truth = seen.worth / max(seen.slates, 1)
    if arguments.format == "json":
        print(json.dumps({**vars(seen), "clicks_per_slate": each, "true_clicks_per_slate": truth}))
        return
    out = console()
    empty = f", and {seen.empty:,} empty ones" if seen.empty else ""
    print_line(out, "shown", f"{seen.slates:,} slates to {arguments.users:,} users{empty}")
    print_line(out, "clicked", f"{seen.clicks:,} items: {each:.4f} a slate, {truth:.4f} on average")


def check(arguments: Arguments) -> None:
    """Refuse arguments that are wrong by themselves.

    Raises:
        ConfigError: they are.
    """
    if arguments.format not in ("text", "json"):
        raise ConfigError(f"format={arguments.format} is unknown", todo="choose text or json")
    for name, least in LEAST.items():
        if getattr(arguments, name) < least:
            raise ConfigError(
                f"{name}={getattr(arguments, name)}: must be at least {least}",
                todo=f"write {name}={least}",
            )
    for name in SHARES:
        if not 0 < getattr(arguments, name) < 1:
            raise ConfigError(
                f"{name}={getattr(arguments, name)}: must be above 0 and below 1",
                todo=f"write {name}=0.5",
            )
    if not 0 <= arguments.spread <= 100:
        raise ConfigError(
            f"spread={arguments.spread}: must be from 0 to 100", todo="write spread=1.5"
        )


def main() -> None:
    """Read the arguments and visit."""
    with plain_errors():
        simulate(parse(Arguments, sys.argv[1:]))


if __name__ == "__main__":
    main()
