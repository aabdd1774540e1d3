"""What gates found, what is served, and its history, on the terminal."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from seqrec.clock import iso_time
from seqrec.evidence.finding import Finding, Verdict
from seqrec.live.record import current, history
from seqrec.promote.verdict import Decision
from seqrec.terminal.console import console, print_line, print_whole
from seqrec.terminal.table import Table, styled

STYLES = {Verdict.PASS: "green", Verdict.FAIL: "bold red", Verdict.CANT_SAY: "yellow"}
LATEST = 10  # entries of the history


def show_findings(
    found: Mapping[str, Finding], decision: Decision, record: dict[str, Any], *, as_json: bool
) -> None:
    """Print a line for every check of every gate, and what follows."""
    if as_json:
        print(json.dumps({**record, "by": list(decision.by)}))
        return
    table = Table()
    for name in ("gate", "verdict", "what", "number", "bar"):
        table.add_column(name, right=name in ("number", "bar"), no_wrap=name != "what")
    for name, finding in found.items():
        for check in finding.checks:
            table.add_row(
                name,
                styled(str(check.verdict), STYLES[check.verdict]),
                check.what,
                _number(check.number),
                _number(check.bar),
            )
    out = console()
    out.print(table)
    for name, finding in found.items():
        for text in dict.fromkeys(check.about for check in finding.checks if check.about):
            print_line(out, name, text)
    for name in record["waived"]:
        print_line(out, "waived", f"{name}: {record['why']}")
    if decision.by:
        print_line(out, decision.action, f" by {', '.join(decision.by)}")


def show_state(folder: Path, *, as_json: bool) -> None:
    """Print what is served, and the latest entries of the history."""
    live, entries = current(folder), history(folder)
    if as_json:
        print(json.dumps({"live": live and asdict(live), "history": entries}))
        return
    out = console()
    if live is None:
        print_line(out, "live", "nothing yet")
        return
    print_line(out, "version", f"{live.version}, since {_time(live.time)}")
    for role in ("live", "canary", "shadow", "previous"):
        served = getattr(live, role)
        if served is not None:
            share = {
                "canary": f", {live.share:.0%} of the sessions",
                "shadow": f", asked {live.shadow_share:.0%} of the requests",
            }.get(role, "")
            print_line(out, role, f"{served.bundle} ({served.sha[:12]}{share})")
    table = Table("history")
    for name in ("when", "who", "what", "bundle", "gates that didn't pass", "why"):
        table.add_column(name)
    for entry in entries[-LATEST:]:
        bundle = (entry.get("candidate") or {}).get("bundle", "")
        stage = f" to {entry['stage']}" if entry["action"] == "promoted" else ""
        short = [n for n, gate in entry.get("gates", {}).items() if gate["verdict"] != "pass"]
        table.add_row(
            _time(entry["time"]),
            str(entry["who"]),
            f"{entry['action']}{stage}",
            bundle,
            ", ".join(short),
            str(entry.get("why", "")),
        )
    print_whole(out, table)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _time(ms: int) -> str:
    return iso_time(ms - ms % 1000)
