"""Verdicts of persons, in a chain, and what follows from them."""

import json
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqrec.disk.chain import Entry, append, locked, read_chain
from seqrec.disk.write import pending

OF_ITEMS, OF_FEEDBACK = ("deny", "allow"), ("quarantine", "release")


@dataclass(frozen=True)
class Files:
    """Where the verdicts on a log lie, and what follows from them.

    Args:
        log: the folder of the log.
    """

    log: Path

    @property
    def chain(self) -> Path:
        """The chain of verdicts."""
        return self.log / "review" / "verdicts.jsonl"

    @property
    def filters(self) -> Path:
        """The items that no server may show."""
        return self.log / "review" / "filters.json"

    @property
    def quarantine(self) -> Path:
        """The feedback that no update may learn from."""
        return self.log / "review" / "quarantine.json"


def bound(entries: list[Entry]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the filters and the quarantine that follow from verdicts: the last of each counts.

    Args:
        entries: the verdicts, oldest first.

    Returns:
        ``version`` and ``deny`` of the filters; ``version``, ``sessions`` and ``events`` of the
        quarantine. A version is the line of the last verdict that counts for the file.
    """
    filters, held = {"version": 0}, {"version": 0}
    items: dict[str, bool] = {}
    feedback: dict[str, dict[str, bool]] = {"session": {}, "event": {}}
    for entry in entries:
        verdict = entry["verdict"]
        if verdict in OF_ITEMS:
            filters["version"] = entry["at"]
            items[entry["item"]] = verdict == "deny"
        elif verdict in OF_FEEDBACK:
            held["version"] = entry["at"]
            for name in ("session", "event"):
                if name in entry:
                    feedback[name][entry[name]] = verdict == "quarantine"
    return (
        {**filters, "deny": _true(items)},
        {**held, "sessions": _true(feedback["session"]), "events": _true(feedback["event"])},
    )


def record(files: Files, content: Mapping[str, Any]) -> Entry:
    """Add a verdict to the chain, and write what follows from all of them.

    The chain is written first: who is killed in between has left what the next verdict writes. On
    a full disk nothing is written at all, as room for the other files is taken before.

    Raises:
        DataError: the chain is broken.
        WriteError: something can't be written.
    """
    with locked(files.chain), ExitStack() as stack:
        before = read_chain(files.chain)
        for file, said in _wanted(files, [*before, {**content, "at": len(before) + 1}]).items():
            text = json.dumps(said, ensure_ascii=False) + "\n"
            stack.enter_context(pending(file, text))
        return append(files.chain, content)


def faults(files: Files) -> list[str]:
    """Check the chain, and return what doesn't follow from it as it should.

    Raises:
        DataError: the chain is broken; the message names the line.
    """
    entries = read_chain(files.chain)
    if not entries:
        return []
    return [
        f"{file} isn't what the verdicts say: any verdict writes it again"
        for file, said in _wanted(files, entries).items()
        if _read(file) != said
    ]


def _wanted(files: Files, entries: list[Entry]) -> dict[Path, dict[str, Any]]:
    filters, quarantine = bound(entries)
    return {files.filters: filters, files.quarantine: quarantine}


def _true(said: dict[str, bool]) -> list[str]:
    return [name for name, holds in said.items() if holds]


def _read(file: Path) -> Any:
    try:
        return json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
