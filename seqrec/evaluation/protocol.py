"""The protocol card: what a result was measured on, and which future information leaked in."""

import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from seqrec.clock import instant, iso_time
from seqrec.config.schema import Prepare, Root, Strictness
from seqrec.errors import ConfigError
from seqrec.evaluation.ties import told
from seqrec.evaluation.times import times_of_parts
from seqrec.ranking.sampled import SampledNegatives
from seqrec.store.peers import added
from seqrec.store.steps import minima
from seqrec.store.store import SequenceStore
from seqrec.store.views import Splits

SHARES = {  # entries of the card that are shares, with their descriptions
    "train_after_first_test": "training events later than the earliest test target",
    "train_after_a_test": "training events later than a test target, on average",
    "tied": "events at the same time as another of their user",
    "repeated": "events whose user had the item before",
    "valid_repeats": "validation targets in their own history",
    "test_repeats": "test targets in their own history",
    "valid_cold": "validation targets without a training event",
    "test_cold": "test targets without a training event",
}


def protocol_card(
    store: SequenceStore,
    splits: Splits,
    config: Root,
    *,
    item_count_V: np.ndarray,
    protocol: str,
    category: str | None = None,
    sampled: SampledNegatives | None = None,
) -> dict[str, Any]:
    """Collect everything that decides what a metric of this run means.

    Of a share of a store, all processes describe all shares together.

    Args:
        store: the data.
        splits: its parts.
        config: how the data was prepared and is evaluated.
        item_count_V: training events of each item.
        protocol: the evaluation protocol in one line.
        category: the column with the item categories for metrics of lists, if any.
        sampled: negatives that targets are also ranked among, if any.

    Returns:
        Plain values, fit for JSON. Shares are from 0 to 1, times are ISO; None without times.
        ``leaks``: a sentence for each way in which future information reaches training.
    """
    timestamp = store.timestamp
    card: dict[str, Any] = {
        "data": store.name,
        "data_hash": store.data_hash,
        "protocol": protocol,
        "protocol_id": hashlib.sha256(protocol.encode()).hexdigest()[:12],
        "rejected": store.report["rejected"],
        "steps": store.report["steps"],
        "notes": [*store.report.get("notes", []), *splits.notes],
        "seen": "masked" if config.evaluation.mask_seen else "ranked",
        "k_core": _fewest(store, config.prepare),
        "items": store.n_items,
        "candidates": (
            store.n_items if splits.candidate_V is None else int(splits.candidate_V.sum())
        ),
        "cold_targets": _cold_targets(store, splits),
        "category": category,
        "sampled": None if sampled is None else {"name": sampled.name, "hash": sampled.hash},
        **splits.report,
        **_repeats(store),
        **_cold(store, splits, item_count_V),
        "times": None,
        "train_after_first_test": None,
        "train_after_a_test": None,
        "tied": None,
    }
    if timestamp is not None:
        card |= times_of_parts(store, splits, timestamp)
        card["notes"] += told(store, timestamp, config.prepare.ties)
    card["leaks"] = list(_leaks(card, store, splits, config.prepare))
    return card


def check_leaks(card: dict[str, Any], config: Root) -> None:
    """Refuse a run with leaks if the protocol is strict.

    Raises:
        ConfigError: the protocol is strict and there is a leak; it names all of them.
    """
    if config.protocol is Strictness.strict and card["leaks"]:
        raise ConfigError(
            "the future leaks into the training: " + "; ".join(card["leaks"]),
            where="protocol=strict",
            todo="use split=temporal with prepare.k_core=0, or only report leaks: protocol=report",
        )


def summary(card: dict[str, Any]) -> dict[str, Any]:
    """Return the entries of the card that go into a logger's summary."""
    keys = ("protocol_id", "candidates", *SHARES)
    return {f"protocol/{key}": card[key] for key in keys} | {
        "protocol/leaks": "; ".join(card["leaks"]) or "none"
    }


def _fewest(store: SequenceStore, prepare: Prepare) -> str:
    """Say how many events users, items and sessions have at least, and which of them count."""
    least = ", ".join(
        f"{number} of each {who} ({key})" for who, (key, number) in minima(prepare).items()
    )
    if not least:
        return "none"
    if store.part is not None:
        return f"{least}, of the training events"
    if prepare.k_core_before is None:
        return f"{least}, before the split: held-out events count too"
    return f"{least}, of the events before {prepare.k_core_before}"


def _repeats(store: SequenceStore) -> dict[str, float]:
    user = np.repeat(np.arange(store.n_users), np.diff(store.offset))
    pairs = np.unique(user * (store.n_items + 1) + store.item)
    found = added(store.peers, {"pairs": len(pairs)})
    return {"repeated": 1 - found["pairs"] / store.whole.n_interactions}


def _cold(store: SequenceStore, splits: Splits, item_count_V: np.ndarray) -> dict[str, float]:
    views, report = {"valid": splits.valid, "test": splits.test}, splits.report
    cold = {part: int((item_count_V[store.item[v.end]] == 0).sum()) for part, v in views.items()}
    shares = {}
    for part, number in added(store.peers, cold).items():
        left_out, kept = report[f"{part}_cold_targets"], report[f"{part}_targets"]
        shares[f"{part}_cold"] = (number + left_out) / (kept + left_out)
    return shares


def _cold_targets(store: SequenceStore, splits: Splits) -> str:
    """Say how targets without a training event are treated."""
    if splits.candidate_V is None:
        return "ranked"
    views = (splits.valid, splits.test)
    missed = any(not splits.candidate_V[store.item[view.end]].all() for view in views)
    return "misses" if any(store.peers.gather(missed)) else "left out"


def _leaks(
    card: dict[str, Any], store: SequenceStore, splits: Splits, prepare: Prepare
) -> Iterator[str]:
    share = card["train_after_first_test"]
    if share is None:
        yield "the data has no times, so leaks in time can't be ruled out"
    elif share:
        yield f"{percent(share)} of the training events are later than the earliest test target"
    if splits.report.get("in_two_parts"):
        yield f"{splits.report['in_two_parts']:,} held-out events are in an earlier part, too"
    if splits.report.get("before_training"):
        yield (
            f"{splits.report['before_training']:,} held-out events are earlier than a training "
            "event of their user"
        )
    if store.part is not None:
        return  # minima count training events alone
    before = instant(prepare.k_core_before, where="prepare.k_core_before")
    for key, number in dict(minima(prepare).values()).items():
        if before is None:
            yield f"prepare.{key}={number} counts held-out events"
        elif splits.cut is None or before > splits.cut:
            yield (
                f"prepare.{key}={number} counts events up to {iso_time(before)}, after the end of "
                "the training part"
            )


def markdown(card: dict[str, Any]) -> str:
    """Return the card as Markdown."""
    lines = [
        f"# Protocol of {card['data']}",
        "",
        f"{card['protocol']} (id `{card['protocol_id']}`, data hash `{card['data_hash'][:12]}`)",
        "",
        "## Leaks from the future",
        "",
        *([f"- {leak}" for leak in card["leaks"]] or ["None found."]),
        "",
        "## Data",
        "",
        "| after | users | items | interactions |",
        "|---|---:|---:|---:|",
    ]
    for step in card["steps"]:
        numbers = " | ".join(f"{step[key]:,}" for key in ("users", "items", "interactions"))
        lines.append(f"| {step['step']} | {numbers} |")
    rejected = ", ".join(f"{rows:,} {reason}" for reason, rows in card["rejected"].items())
    lines += [
        "",
        f"Malformed rows left out: {rejected or 'none'}. Fewest events: {card['k_core']}.",
        "",
        *(f"- {note}" for note in card.get("notes", [])),
        *([""] if card.get("notes") else []),
        "## Parts",
        "",
        "| part | events | from | to |",
        "|---|---:|---|---|",
    ]
    for part, events in _parts(card).items():
        first, last = card["times"].get(part, ("", "")) if card["times"] else ("unknown", "unknown")
        lines.append(f"| {part} | {events:,} | {first} | {last} |")
    if card["train_single"]:
        lines += [
            "",
            f"Training sequences of one event: {card['train_single']:,}. These events count as "
            "all others do, but a model of histories learns nothing from them: no event follows.",
        ]
    lines += [
        "",
        f"Ranked: {card['candidates']:,} of {card['items']:,} items; items of the history are "
        f"{card['seen']}; targets without a training event are {card['cold_targets']}. Lists are "
        f"described by {card['category'] or 'no category'}.",
        "",
        *_sampled(card["sampled"]),
        "| share | of |",
        "|---:|---|",
    ]
    for key, meaning in SHARES.items():
        lines.append(f"| {percent(card[key])} | {meaning} |")
    return "\n".join(lines) + "\n"


def _parts(card: dict[str, Any]) -> dict[str, int]:
    """Return the number of events in each part; together they are all events."""
    counts = {
        "train": card["train_events"],
        "valid targets": card["valid_targets"],
        "test targets": card["test_targets"],
    }
    others = {
        "valid targets without a training event, left out": card["valid_cold_targets"],
        "test targets without a training event, left out": card["test_cold_targets"],
        "only in the history of a target": card["history_events"],
        "in no part": card["unused_events"],
    }
    return counts | {part: events for part, events in others.items() if events}


def _sampled(sampled: dict[str, str] | None) -> list[str]:
    if sampled is None:
        return []
    return [
        f"Test metrics that begin with `{sampled['name']}_` are of ranks among sampled negatives "
        f"(hash `{sampled['hash']}`), to compare with papers that sampled. They don't estimate the "
        "full ranking (Krichene and Rendle 2020); all other metrics are of the full ranking.",
        "",
    ]


def percent(share: float | None) -> str:
    """Format a share as a percentage; small ones in scientific notation."""
    if share is None:
        return "unknown"
    if share and share < 1e-4:
        return f"{share:.0e}"
    return f"{100 * share:.2f} %"
