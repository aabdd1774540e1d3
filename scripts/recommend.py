"""Recommend from a trained run: to a user of its data, or after any list of items."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from rich.table import Table
from rich.text import Text

from seqrec.config.script import parse
from seqrec.config.terminal import plain_errors
from seqrec.errors import ConfigError
from seqrec.experiment.console import console, fact


@dataclass
class Arguments:
    """Recommend from a trained run.

    python scripts/recommend.py run=outputs/.../... user=42
    python scripts/recommend.py run=outputs/.../... items='[50, 181, 7]' k=10
    """

    run: str  # the folder of a run
    items: list[str] | None = None  # original item ids, oldest first; any session, seen or not
    user: str | None = None  # a user of the run's data, by original id
    k: int = 10  # length of the list
    format: str = "table"  # table | json


def recommend(arguments: Arguments) -> None:
    """Load, answer, print."""
    if (arguments.items is None) == (arguments.user is None):
        raise ConfigError("give either items='[id, id, ...]' or user=ID", where="arguments")
    if arguments.format not in ("table", "json"):
        raise ConfigError(f"format={arguments.format} is unknown", todo="choose table or json")
    from seqrec.recommend import Recommender

    recommender = Recommender.load(arguments.run)
    items = arguments.items
    if items is None:
        items = recommender.history(str(arguments.user))
    answer = recommender.recommend(items, k=arguments.k)
    if arguments.format == "json":
        content = {
            "items": answer.items.to_dicts(),
            "history": answer.history.to_dicts(),
            "unknown": answer.unknown,
        }
        print(json.dumps(content))
        return
    out = console()
    history = Table(title="history, latest last", title_justify="left", header_style="dim")
    for column in ("item", "title", "attention"):
        history.add_column(column)
    strongest = max(abs(weight) for weight in answer.history["attention"]) or 1.0
    for row in answer.history.tail(10).iter_rows(named=True):
        bar = Text("█" * round(20 * abs(row["attention"]) / strongest), style="cyan")
        history.add_row(row["item"], row["title"], Text(f"{row['attention']:6.3f} ") + bar)
    out.print(history)
    table = Table(title="recommended", title_justify="left", header_style="dim")
    for column in ("rank", "item", "title", "score"):
        table.add_column(column, justify="right" if column in ("rank", "score") else "left")
    for row in answer.items.iter_rows(named=True):
        table.add_row(str(row["rank"]), row["item"], row["title"], f"{row['score']:.3f}")
    out.print(table)
    if answer.unknown:
        fact(out, "unknown", "not in the catalogue, left out: " + ", ".join(answer.unknown[:10]))


if __name__ == "__main__":
    with plain_errors():
        recommend(parse(Arguments, sys.argv[1:]))
