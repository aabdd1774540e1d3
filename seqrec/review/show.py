"""The queue of a review, and a list, on the terminal."""

import polars as pl

from seqrec.clock import iso_time
from seqrec.disk.chain import Entry
from seqrec.feedback import Feedback
from seqrec.home import command
from seqrec.review.queue import Odd
from seqrec.review.verdicts import Files
from seqrec.terminal.console import console, print_line, print_whole
from seqrec.terminal.table import Table


def show_queue(odd: list[Odd], files: Files, judged: int) -> None:
    """Print the odd lists, and what to type about the first."""
    out = console()
    if not odd:
        print_line(out, "queue", f"nothing is odd that has no verdict yet ({judged:,} verdicts)")
        return
    table = Table()
    for name in ("list", "shown", "kind", "why", "first items"):
        table.add_column(name)
    for each in odd:
        first = ", ".join(each.items[:3])
        table.add_row(each.request_id, _time(each.time), each.kind, each.why, first)
    print_whole(out, table)
    one, log = odd[0], f"log={files.log}"
    print_line(out, "look", command("review", log, f"list={one.request_id}"))
    about = ["verdict=ok"] if one.item is None else ["verdict=deny", f"item={one.item}"]
    about += ["reviewer=NAME", "reason=WHY"]
    print_line(out, "judge", command("review", log, f"list={one.request_id}", *about))


def show_tested(odd: list[Odd], titles: dict[str, str]) -> None:
    """Print the odd lists of a run's test.

    Args:
        odd: the lists.
        titles: of the items that have one.
    """
    out = console()
    if not odd:
        print_line(out, "lists", "nothing is odd")
        return
    table = Table()
    for name in ("list", "user", "kind", "why", "first items"):
        table.add_column(name)
    for each in odd:
        first = ", ".join(titles.get(item) or item for item in each.items[:3])
        table.add_row(each.request_id, each.session, each.kind, each.why, first)
    print_whole(out, table)


def show_list(slate: pl.DataFrame, feedback: Feedback, verdicts: list[Entry]) -> None:
    """Print a list: history, slots, what came of it, and what was said of it."""
    out, row = console(), slate.row(0, named=True)
    print_line(out, "list", f"{row['request_id']}, shown {_time(row['time'])}")
    print_line(out, "session", row["session"])
    print_line(out, "bundle", row["bundle"])
    print_line(out, "history", ", ".join(row["history"]))
    came = feedback.outcomes.filter(request_id=row["request_id"])
    table = Table()
    for name in ("slot", "item", "score", "propensity", "what came of it"):
        table.add_column(name, right=name in ("slot", "score", "propensity"))
    slots = zip(row["items"], row["scores"], row["propensities"], strict=True)
    for at, (item, score, propensity) in enumerate(slots):
        events = came.filter(item=item)
        said = ", ".join(
            f"{event} ({key})" for event, key in events.select("event", "event_id").iter_rows()
        )
        table.add_row(str(at), item, f"{score:.4f}", f"{propensity:.4g}", said)
    print_whole(out, table)
    for entry in verdicts:
        told = f"{entry['verdict']} {entry.get('item', '')}".strip()
        print_line(out, "verdict", f"{told} by {entry['reviewer']}: {entry['reason']}")


def show_verdict(entry: Entry, files: Files) -> None:
    """Print what a verdict has changed."""
    out = console()
    print_line(out, "recorded", f" {entry['verdict']} as line {entry['at']} of {files.chain}")
    if entry["verdict"] in ("deny", "allow"):
        print_line(out, "server", f"takes {files.filters}")
    elif entry["verdict"] in ("quarantine", "release"):
        print_line(out, "update", f"quarantine={files.quarantine} binds the next update")


def _time(ms: int) -> str:
    return iso_time(ms - ms % 1000)
