"""What was found in a log, on the terminal."""

from pathlib import Path

from seqrec.clock import iso_time
from seqrec.drift.study import Study
from seqrec.drift.watch import DRIFT, STEADY, Window
from seqrec.terminal.console import console, print_line, print_whole
from seqrec.terminal.table import Table, styled

STYLES = {DRIFT: "bold red", STEADY: "green"}
LATEST = 14  # windows


def show(found: Study, *, out: Path | None) -> None:
    """Print the latest windows, and the statistics of the one that counts: the latest alarmed."""
    to = console()
    print_line(to, "log", f"{found.log}, known items of {found.known}")
    print_line(
        to,
        "reference",
        f" {time_of(found.begun)} to {time_of(found.until)}, {found.sessions:,} sessions",
    )
    table = Table()
    for name in ("window", "sessions", "state", "beyond the bar"):
        table.add_column(name, right=name == "sessions")
    for window in found.windows[-LATEST:]:
        state = styled(window.state, STYLES.get(window.state, "yellow"))
        table.add_row(
            time_of(window.begun), f"{window.sessions:,}", state, ", ".join(window.alarms)
        )
    to.print(table)
    judged = [window for window in found.windows if window.value]
    if judged:
        _numbers(next((w for w in reversed(judged) if w.alarms), judged[-1]))
    for name, reason in found.left_out.items():
        print_line(to, "left out", f"{name}: {reason}")
    for name, count in found.skipped.items():
        print_line(to, "skipped", f"{count:,} {name}")
    if out is not None:
        print_line(to, "written", str(out))


def _numbers(window: Window) -> None:
    """Print the statistics of a window."""
    table = Table(f"the window of {time_of(window.begun)}")
    for name in ("statistic", "value", "bar", "rate"):
        table.add_column(name, right=name != "statistic")
    for name, value in window.value.items():
        style = "bold red" if name in window.alarms else ""
        rate = f"{window.rate[name]:.4f}" if name in window.rate else ""
        table.add_row(styled(name, style), f"{value:.4f}", f"{window.bar[name]:.4f}", rate)
    print_whole(console(), table)


def time_of(ms: int) -> str:
    """Return a time to the second."""
    return iso_time(ms - ms % 1000)
