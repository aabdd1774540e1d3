"""The model card: what the model is, how good, for whom, and what it can't do."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from seqrec.bundle.agree import K, ndcg
from seqrec.comparison.estimate.statistics import LEVEL, resampled_sums
from seqrec.config.schema import Root
from seqrec.disk.write import write_file
from seqrec.errors import RunError
from seqrec.home import CONFIGS
from seqrec.run.audited import read_audit
from seqrec.run.folder import RunFolder

REPLICATES = 2000
TERMS = re.compile(r"\bTerms\b.*?\.(?=\s|$)")
SHOWN = ("ndcg", "hit_rate", "mrr")


def write_card(run: RunFolder, config: Root, parity: dict[str, Any], folder: Path) -> None:
    """Write ``card.md``.

    Args:
        run: the run.
        config: its configuration.
        parity: what the gate found.
        folder: the bundle.
    """
    about = run.about()
    lines = [
        f"# {about.get('name', run.path.name)}",
        "",
        f"A model of seqrec that recommends the next item. Run {about['run_id']}, trained "
        f"{about.get('started', 'at an unknown time')} with",
        "",
        f"    {about.get('command', 'an unknown command')}",
        "",
        *_data(run, about, config),
        *_metrics(run),
        *_leaks(run),
        *_slices(run),
        *_explanations(run),
        *_parity(parity),
        *_limits(config),
    ]
    write_file(folder / "card.md", "\n".join(lines) + "\n")


def terms(data: str) -> str:
    """Return the terms of a data set, as the head of its configuration has them."""
    file = CONFIGS / "data" / f"{Path(data).name}.yaml"
    head = file.read_text() if file.is_file() else ""
    comments = [line[1:].strip() for line in head.splitlines() if line.startswith("#")]
    found = TERMS.search(" ".join(comments))
    if found:
        return found[0]
    return "Terms: not known to seqrec. Whoever passes the bundle on has to know them."


def intervals(events: pl.DataFrame) -> dict[str, tuple[float, float, float]]:
    """Return mean, low and high (95 %, bootstrap over users) of metrics at ten items.

    Args:
        events: user and rank of every test event.
    """
    rank = events["rank"].to_numpy()
    values = {
        f"ndcg@{K}": ndcg(rank),
        f"hit_rate@{K}": (rank <= K).astype(float),
        f"mrr@{K}": np.where(rank <= K, 1 / rank, 0.0),
    }
    table = pl.DataFrame({"user": events["user"], **values}).with_columns(n=1.0)
    sums_UC = table.group_by("user", maintain_order=True).sum().drop("user").to_numpy()
    drawn_BC = resampled_sums(sums_UC, replicates=REPLICATES)
    mean_BM = drawn_BC[:, :-1] / np.maximum(drawn_BC[:, -1:], 1)
    edges = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
    low_M, high_M = np.quantile(mean_BM, edges, axis=0)
    return {
        name: (float(values[name].mean()), float(low), float(high))
        for name, low, high in zip(values, low_M, high_M, strict=True)
    }


def _data(run: RunFolder, about: dict[str, Any], config: Root) -> Iterator[str]:
    chosen = about.get("choices", {}).get("data", "")
    facts = about["facts"]
    yield from ("## Data", "")
    yield f"- {about.get('store', 'unknown')}, hash {about['data_hash'][:12]}"
    yield f"- {facts['n_items']:,} items, {facts.get('n_users', 0):,} users after preparation"
    yield f"- {terms(chosen)}"
    yield "- The bundle holds the histories of some test users, without their ids, as requests."
    yield ""


def _metrics(run: RunFolder) -> Iterator[str]:
    yield from ("## Metrics", "")
    try:
        events = run.read_table("ranks.parquet")
        found = intervals(events)
    except (RunError, pl.exceptions.PolarsError):
        yield from ("The run has no ranks of test events.", "")
        return
    yield f"{len(events):,} test events, the whole catalogue ranked:"
    yield from ("", "| metric | mean | 95 % interval over users |", "|---|---|---|")
    for name, (mean, low, high) in found.items():
        yield f"| {name} | {mean:.4f} | {low:.4f} to {high:.4f} |"
    yield from ("", "Seeds vary, too; one run can't tell how much.", "")


def _leaks(run: RunFolder) -> Iterator[str]:
    yield from ("## Protocol and leaks", "")
    try:
        card = run.read_json("protocol.json")
    except RunError:
        yield from ("The run has no protocol card.", "")
        return
    yield f"- {card.get('protocol', 'unknown protocol')}"
    leaks = card.get("leaks") or []
    yield from (f"- {leak}" for leak in leaks)
    if not leaks:
        yield "- No future information reaches training."
    yield ""


def _slices(run: RunFolder) -> Iterator[str]:
    results = run.read_json("metrics.json") if run.finished else {}
    rows: dict[str, dict[str, Any]] = {}
    for key, value in results.items():
        if key.startswith("slices/"):
            _, kind, metric = key.split("/", 2)
            rows.setdefault(kind, {})[metric] = value
    names = sorted({n for row in rows.values() for n in row if n.partition("@")[0] in SHOWN})
    yield from ("## Slices", "")
    if not rows:
        yield from ("The run has none.", "")
        return
    yield f"| slice | events | {' | '.join(names)} |"
    yield "|---" * (2 + len(names)) + "|"
    for kind, row in rows.items():
        cells = [f"{row[name]:.4f}" if name in row else "" for name in names]
        yield f"| {kind} | {row.get('events', 0):,} | {' | '.join(cells)} |"
    yield ""


def _explanations(run: RunFolder) -> Iterator[str]:
    audit = read_audit(run)
    yield from ("## Explanations", "")
    if audit.content is None:
        yield from ("They weren't audited: don't show weights as reasons.", "")
        return
    yield from (f"- {name}: {audit.text(name)}" for name in audit.content["methods"])
    yield ""


def _parity(parity: dict[str, Any]) -> Iterator[str]:
    lists, gain = parity[f"top{K}"], parity[f"ndcg@{K}"]
    yield from ("## Parity with the run", "")
    yield (
        f"- {parity['requests']:,} requests: scores within {parity['score']['largest']:.1e} of "
        f"|query| |item| (bar {parity['score']['bar']:.0e})"
    )
    yield (
        f"- lists: {lists['equal']:,} equal, {lists['ties']:,} but for ties, "
        f"{lists['different']:,} different"
    )
    yield f"- NDCG@{K}: {gain['run']:.6f} in the run, {gain['bundle']:.6f} in the bundle"
    if "int8" in parity:
        int8 = parity["int8"]
        yield (
            f"- int8, {int8['found']} found and scored again: "
            f"{int8[f'overlap@{K}']['mean']:.4f} of each list"
        )
    yield ""


def _limits(config: Root) -> Iterator[str]:
    yield from ("## Limits", "")
    yield f"- It reads the latest {config.max_length} items; earlier ones only count as seen."
    yield "- It knows the items of its catalogue. Unknown ids are left out and told."
    yield "- A session without a known item has no list."
    yield "- Only candidates of the run's protocol are recommended: see `candidate.npy`."
    yield "- Offline metrics rank what users did anyway; they don't say what a list causes."
