"""Verdicts of persons, in a chain, and what follows from them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqrec.disk.chain import Entry, append, locked, read_chain
from seqrec.disk.write import write_file
from seqrec.errors import DataError

CHAIN, QUARANTINE = "verdicts.jsonl", "quarantine.json"
BINDING = {"deny": "items", "allow": "items", "quarantine": "kept", "release": "kept"}
VERDICTS = ("ok", *BINDING)


@dataclass(frozen=True)
class Files:
    """Where verdicts and what follows from them lie.

    Args:
        log: the folder of the log.
        filters: the file of filters that the server follows.
    """

    log: Path
    filters: Path

    @property
    def chain(self) -> Path:
        """The chain of verdicts."""
        return self.log / "review" / CHAIN

    @property
    def quarantine(self) -> Path:
        """The feedback that no update may learn from."""
        return self.log / "review" / QUARANTINE


@dataclass(frozen=True)
class Binding:
    """What all verdicts together say.

    Args:
        denied: by item: whether it may not be shown; the last verdict counts.
        sessions: by hash: whether nothing may be learned from the session.
        events: by id of an outcome: whether nothing may be learned from it.
    """

    denied: dict[str, bool]
    sessions: dict[str, bool]
    events: dict[str, bool]


def binding(entries: list[Entry]) -> Binding:
    """Return what verdicts say, from the first to the last."""
    said = Binding({}, {}, {})
    for entry in entries:
        verdict = entry["verdict"]
        if verdict in ("deny", "allow"):
            said.denied[entry["item"]] = verdict == "deny"
        elif verdict in ("quarantine", "release"):
            for name in ("session", "event"):
                if entry.get(name):
                    getattr(said, f"{name}s")[entry[name]] = verdict == "quarantine"
    return said


def record(files: Files, content: Mapping[str, Any]) -> Entry:
    """Add a verdict to the chain, and write what follows from all of them.

    The chain is written first: who is killed in between has left what the next verdict writes.

    Raises:
        DataError: the chain is broken, or the filters can't be read.
        WriteError: something can't be written.
    """
    with locked(files.chain), locked(files.filters):
        before = _filters(files.filters)
        entry = append(files.chain, content)
        entries = read_chain(files.chain)
        said = binding(entries)
        after = _filtered(before, said)
        if after != before:
            version = {"version": int(before["version"]) + 1}
            write_file(files.filters, json.dumps({**after, **version}) + "\n")
        write_file(files.quarantine, json.dumps(_kept(said, len(entries))) + "\n")
    return entry


def faults(files: Files) -> list[str]:
    """Check the chain, and return what doesn't follow from it as it should.

    Raises:
        DataError: the chain is broken; the message names the line.
    """
    entries = read_chain(files.chain)
    said, filters = binding(entries), _filters(files.filters)
    shown = [
        f"{files.filters} lets {item} be shown"
        for item, denied in said.denied.items()
        if denied and item not in filters["deny"]
    ]
    wanted = _kept(said, len(entries))
    if entries and _quarantine(files.quarantine) != wanted:
        shown.append(f"{files.quarantine} isn't what the verdicts say")
    return shown


def _filtered(before: dict[str, Any], said: Binding) -> dict[str, Any]:
    """Return filters that keep what others denied, and obey the verdicts."""
    deny = [item for item in before["deny"] if said.denied.get(item, True)]
    deny += [item for item, denied in said.denied.items() if denied and item not in deny]
    return {**before, "deny": deny}


def _kept(said: Binding, version: int) -> dict[str, Any]:
    lists = {
        name: sorted(each for each, held in getattr(said, name).items() if held)
        for name in ("sessions", "events")
    }
    return {"version": version, **lists}


def _filters(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_bytes())
        sound = isinstance(content, dict) and type(content["version"]) is int
        sound = sound and all(isinstance(item, str) for item in content.setdefault("deny", []))
    except FileNotFoundError:
        return {"version": 0, "deny": []}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        sound = False
    if not sound:
        raise DataError(
            "the filters can't be read",
            where=str(file),
            todo='write {"version": 1, "deny": []} there, or name another file: filters=FILE',
        )
    return content


def _quarantine(file: Path) -> Any:
    try:
        return json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
