"""An explanation in the terminal."""

from seqrec.explain.why import Why
from seqrec.terminal.console import Console, print_line
from seqrec.terminal.table import Table, Text, styled

SHOWN = 15  # events in the table
NUMBER = 8  # characters of a weight and the space behind it
WIDTHS = {1: 12, 2: 12, 3: 2}  # of the longest bar, by the number of methods; none of more


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
    if any(each.columns for each in why.methods.values()):
        out.print(columns_table(why))
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
    table, timed = Table(f"{title}, latest last"), "time" in why.events.columns
    table.add_column("item", min_width=4)
    table.add_column("title", min_width=10)
    if timed:
        table.add_column("day", min_width=10)
    width = WIDTHS.get(len(why.methods), 0)
    for name in why.methods:
        table.add_column(name, min_width=NUMBER + width)
    most = {name: max(map(abs, why.events[name].to_list())) or 1.0 for name in why.methods}
    for row in why.events.tail(SHOWN).iter_rows(named=True):
        day = [(row["time"] or "")[:10]] if timed else []
        cells = [_bar(row[name], most[name], width) for name in why.methods]
        table.add_row(row["item"], row["title"], *day, *cells)
    return table


def columns_table(why: Why) -> Table:
    """Return the weights of the parts of the events' vectors, each summed over all events."""
    sums = {
        name: {column: sum(weights) for column, weights in each.columns.items()}
        for name, each in why.methods.items()
        if each.columns
    }
    table = Table("by column, the sum over all events")
    table.add_column("column")
    width = WIDTHS.get(len(sums), 0)
    for name in sums:
        table.add_column(name, min_width=NUMBER + width)
    most = {name: max(map(abs, of.values())) or 1.0 for name, of in sums.items()}
    for column in dict.fromkeys(column for of in sums.values() for column in of):
        table.add_row(column, *(_bar(of[column], most[name], width) for name, of in sums.items()))
    return table


def _bar(weight: float, most: float, width: int) -> Text:
    style = "cyan" if weight >= 0 else "red"
    bar = styled("█" * round(width * abs(weight) / most), style)
    return styled(f"{weight:{NUMBER - 1}.3f} ") + bar
