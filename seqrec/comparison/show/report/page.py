"""The content of a comparison's page."""

import importlib.util
from dataclasses import asdict
from pathlib import Path
from typing import Any

from seqrec.comparison.estimate.factors import ABSENT
from seqrec.comparison.estimate.measured import slice_estimates
from seqrec.comparison.estimate.rows import Comparison, Row
from seqrec.comparison.read.choose import text_of
from seqrec.comparison.read.find import Skipped
from seqrec.comparison.show.report.costs import costs
from seqrec.comparison.show.report.curves import curves
from seqrec.comparison.show.report.explained import explained
from seqrec.comparison.show.report.parts import colour_of, title_of
from seqrec.comparison.show.report.settings import effects, interaction_maps
from seqrec.comparison.show.report.slices import slice_dots
from seqrec.comparison.show.table import mean_sd, notes, p_text, signed, span
from seqrec.disk.writable import check_file
from seqrec.errors import ConfigError
from seqrec.evaluation.protocol import SHARES, percent
from seqrec.home import install
from seqrec.pages.chart import Chart, figures_of
from seqrec.pages.page import write_page


def check_target(file: Path) -> None:
    """Check that a report can be written, before runs are read.

    Raises:
        ConfigError: a package or the folder is missing, or `file` is a folder.
    """
    for package in ("plotly", "jinja2"):
        if importlib.util.find_spec(package) is None:
            raise ConfigError(
                f"report= needs the package {package}, which isn't installed",
                todo=install("report"),
            )
    check_file(file, key="report", example="report.html")


def write_report(
    file: Path, comparisons: list[Comparison], skipped: list[Skipped], *, replicates: int
) -> None:
    """Write the page.

    Args:
        file: the HTML file; see :func:`check_target`.
        comparisons: comparisons, each a part of the page.
        skipped: folders that aren't compared, listed with their reasons.
        replicates: replicates of the bootstrap over slices.
    """
    parts = [_part(each, replicates) for each in comparisons]
    write_page(
        file,
        __package__,
        title=f"{sum(len(each.runs) for each in comparisons)} runs compared",
        kind="comparison",
        data={
            "figures": [figures_of(part["charts"]) for part in parts],
            "settings": [part["settings"] for part in parts],
        },
        parts=parts,
        skipped=skipped,
    )


def _part(comparison: Comparison, replicates: int) -> dict[str, Any]:
    """Collect what the template shows of a comparison."""
    first = comparison.runs[0]
    charts: list[Chart] = [
        curves(comparison),
        costs(comparison),
        effects(comparison),
        interaction_maps(comparison),
        slice_dots(comparison, slice_estimates(comparison, replicates)),
        explained(comparison),
    ]
    return {
        "title": f"{first.protocol['data']}, {first.results['protocol'].partition(';')[0]}",
        "hash": first.results["data_hash"][:12],
        "protocol": first.results["protocol"],
        "card": _card(first.protocol),
        "leaks": first.protocol["leaks"],
        "by": comparison.by,
        "metrics": comparison.metrics + comparison.reported,
        "rows": [_row(comparison, at) for at in range(len(comparison.rows))],
        "verdict": _verdict(comparison),
        "notes": notes(comparison),
        "charts": [chart for chart in charts if chart.variants],
        "settings": _settings(comparison),
    }


def _row(comparison: Comparison, at: int) -> dict[str, Any]:
    row, first = comparison.rows[at], comparison.metrics[0]
    estimates = [each.estimates[first] for each in comparison.rows]
    low = min(0.0, *(e.low for e in estimates))
    scale = 100 / (max(e.high for e in estimates) - low or 1)
    estimate = row.estimates[first]
    return {
        "place": at + 1,
        "title": title_of(row, at),
        "colour": colour_of(at).removeprefix("@"),
        "labels": row.labels,
        "rest": " · ".join(label for label in row.labels[1:] if label != ABSENT),
        "runs": len(row.runs),
        "metrics": [
            {
                "value": row.estimates[metric].mean,
                "text": mean_sd(row.estimates[metric]),
                "best": row.estimates[metric].mean
                == max(each.estimates[metric].mean for each in comparison.rows),
            }
            for metric in comparison.metrics
        ]
        + [
            {"value": each.mean, "text": mean_sd(each), "best": False}
            for each in row.reported.values()
        ],
        "interval": span(estimate),
        "bar": {k: round((v - low) * scale, 2) for k, v in asdict(estimate).items() if k != "sd"},
        "difference": row.difference
        and {
            "value": row.difference.mean,
            "text": signed(row.difference.mean),
            "span": span(row.difference, "+.4f"),
            "p": row.difference.p,
            "p_text": p_text(row.difference.p),
            "verdict": _judge(row),
        },
        "seconds": row.mean_result("fit_seconds"),
        "memory": row.mean_result("peak_memory_mb"),
        "folders": [str(run.path) for run in row.runs],
    }


def _judge(row: Row) -> str:
    assert row.difference is not None
    if row.difference.p > 0.05:
        return "no difference shown"
    return "better" if row.difference.mean > 0 else "worse"


def _verdict(comparison: Comparison) -> str:
    """Summarise the leaderboard in a sentence or two."""
    best, first = comparison.rows[0], comparison.metrics[0]
    value = best.estimates[first]
    winner = f"Best: {best.name}, {first} {mean_sd(value)} (95 % interval {span(value)})."
    judged = [_judge(row) for row in comparison.rows if row.difference is not None]
    if not judged:
        return winner
    counts = ", ".join(f"{judged.count(verdict)} {verdict}" for verdict in dict.fromkeys(judged))
    reference = comparison.rows[comparison.reference].name
    return f"{winner} The other rows against {reference}: {counts}."


def _card(card: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the protocol card as names and values."""
    lines = [
        ("protocol id", card["protocol_id"]),
        ("training events", f"{card['train_events']:,}"),
        ("validation targets", f"{card['valid_targets']:,}"),
        ("test targets", f"{card['test_targets']:,}"),
        ("items ranked", f"{card['candidates']:,} of {card['items']:,}"),
        ("items of the history", card["seen"]),
        ("fewest events", card["k_core"]),
        ("targets without a training event", card["cold_targets"]),
    ]
    times = card["times"] or {}
    lines += [(f"time of {part}", f"{first} to {last}") for part, (first, last) in times.items()]
    return lines + [(meaning, percent(card[key])) for key, meaning in SHARES.items()]


def _settings(comparison: Comparison) -> dict[str, Any]:
    """Return the names of the runs, and a value of each run for every key that differs."""
    runs = comparison.runs
    values: dict[str, list[str]] = {}
    for key in sorted({key for run in runs for key in run.telling_settings}):
        found = [_value(run.telling_settings, key) for run in runs]
        if len(set(found)) > 1:
            values[key] = found
    names = [
        f"{title_of(row, at)}, seed {run.settings['seed']}"
        for at, row in enumerate(comparison.rows)
        for run in row.runs
    ]
    other = len(comparison.rows[0].runs) % len(runs)  # a run of the second row, if there is one
    return {"runs": names, "values": values, "other": other}


def _value(settings: dict[str, Any], key: str) -> str:
    return text_of(settings[key]) if key in settings else "not set"
