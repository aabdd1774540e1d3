"""An explanation in the terminal."""

from seqrec.explain.why import Why
from seqrec.terminal.console import Console, print_line
from seqrec.terminal.table import Table, Text, styled

SHOWN = 15  # events in the table


def show(out: Console, why: Why) -> None:
    """Print an answer."""
    target = why.target
    print_line(out, "item", f"{target.title} ({target.item})")
    print_line(out, "rank", f"{target.rank:,}, score {target.score:.3f}")
    if why.instead is not None:
        other = why.instead
        told = f"{other.title} ({other.item}), rank {other.rank:,}, score {other.score:.3f}"
        print_line(out, "not", told)
    for name, each in why.methods.items():
        print_line(out, "method", f"{name}: {each.text}")
    out.print(events_table(why))
    if why.counterfactual:
        line = styled(f"{'but':<9}", "bold cyan")
        for at, part in enumerate(why.counterfactual):
            line.append(part, style="italic" if at % 2 else "")
        out.print(line, soft_wrap=True)
    if len(why.events) == 1:
        print_line(out, "note", "the history has one event, so no other could be the reason")
    if why.unknown:
        listed = ", ".join(why.unknown[:10])
        print_line(out, "unknown", f"not in the catalogue, left out: {listed}")


def events_table(why: Why) -> Table:
    """Return the latest events with a bar for each weight; those against the item are red."""
    hidden = len(why.events) - SHOWN
    title = f"the latest {SHOWN} of {len(why.events)} events" if hidden > 0 else "history"
    table = Table(f"{title}, latest last")
    for column in ("item", "title", *why.methods):
        table.add_column(column)
    most = {name: max(map(abs, why.events[name].to_list())) or 1.0 for name in why.methods}
    for row in why.events.tail(SHOWN).iter_rows(named=True):
        cells = [_bar(row[name], most[name]) for name in why.methods]
        table.add_row(row["item"], row["title"], *cells)
    return table


def _bar(weight: float, most: float) -> Text:
    style = "cyan" if weight >= 0 else "red"
    return styled(f"{weight:7.3f} ") + styled("█" * round(12 * abs(weight) / most), style)
