"""Comparison of runs: group them into rows, and test the rows against a reference."""

from seqrec.comparison.estimate.measured import (
    Measured,
    bootstrap,
    estimate,
    reported_by,
    sort_metrics,
    spread,
)
from seqrec.comparison.estimate.rows import Comparison, Difference, Row
from seqrec.comparison.estimate.statistics import Floats, holm, interval, p_values
from seqrec.comparison.read.choose import check_keys, split_by, telling_keys
from seqrec.comparison.read.runs import Run
from seqrec.config.cli.script import split_list
from seqrec.errors import ConfigError


def compare(
    runs: list[Run],
    *,
    by: list[str] | None,
    metrics: list[str],
    reference: str | None,
    replicates: int,
) -> Comparison:
    """Group runs into rows and compare the rows.

    Args:
        runs: at least one, all comparable.
        by: settings that distinguish rows; None: the fewest that do, without seed and fold.
        metrics: names such as ``ndcg@10``. The first must be one of ranks; it orders the rows and
            is tested. Metrics of lists (``diversity@10``) are read from the runs' metrics.json.
        reference: a row, by its labels (``popularity``, ``model=sasrec,loss=gbce``); None: the
            best row.
        replicates: replicates of the bootstrap.

    Raises:
        ConfigError: a key, metric or reference doesn't exist; the first metric isn't one of ranks.
        RunError: a run lacks one of the metrics.
    """
    check_keys(runs, by or [])
    by = by or telling_keys(runs)
    parts = split_by(runs, by)
    index = {id(run): at for at, run in enumerate(runs)}
    members = [[index[id(run)] for run in part] for part in parts.values()]
    measured = Measured(runs)
    metrics, reported = sort_metrics(metrics, runs)
    reported_MR = {metric: reported_by(metric, runs) for metric in reported}
    mean_MR, replicate_MBG = bootstrap(
        measured, [(measured.values(metric), None) for metric in metrics], members, replicates
    )
    first_G = [float(mean_MR[0, row].mean()) for row in members]
    order = sorted(range(len(members)), key=lambda row: -first_G[row])
    labels = list(parts)
    reference_G = _reference(reference, by, [labels[row] for row in order])
    ordered_BG = replicate_MBG[0][:, order]
    differences = _differences([first_G[row] for row in order], ordered_BG, reference_G)
    rows = [
        Row(
            by=tuple(by),
            labels=labels[row],
            runs=list(parts.values())[row],
            estimates={
                metric: estimate(mean_MR[m, members[row]], replicate_MBG[m][:, row])
                for m, metric in enumerate(metrics)
            },
            reported={
                metric: spread(value_R[members[row]]) for metric, value_R in reported_MR.items()
            },
            difference=differences[at],
        )
        for at, row in enumerate(order)
    ]
    return Comparison(by, metrics, reported, rows, reference_G, reference is not None, ordered_BG)


def _differences(mean_G: list[float], value_BG: Floats, reference: int) -> list[Difference | None]:
    others = [row for row in range(len(mean_G)) if row != reference]
    if not others:
        return [None]
    difference = value_BG[:, others] - value_BG[:, [reference]]
    low, high = interval(difference)
    adjusted = holm(p_values(difference))
    found: list[Difference | None] = [None] * len(mean_G)
    for at, row in enumerate(others):
        mean = mean_G[row] - mean_G[reference]
        found[row] = Difference(mean, float(low[at]), float(high[at]), float(adjusted[at]))
    return found


def _reference(wanted: str | None, by: list[str], labels: list[tuple[str, ...]]) -> int:
    if wanted is None:
        return 0
    found = [at for at, label in enumerate(labels) if _matches(wanted, by, label)]
    if len(found) == 1:
        return found[0]
    rows = [",".join(f"{k}={v}" for k, v in zip(by, label, strict=True)) for label in labels]
    raise ConfigError(
        f"reference={wanted} matches {'several rows' if found else 'no row'} of the table",
        where="rows: " + " | ".join(rows[:12]) + (" | ..." if len(rows) > 12 else ""),
        todo="name one row as it is written here",
    )


def _matches(wanted: str, by: list[str], label: tuple[str, ...]) -> bool:
    named = dict(zip(by, label, strict=True))
    for part in split_list(wanted):
        key, equals, value = part.partition("=")
        if not (named.get(key) == value if equals else part in label):
            return False
    return True
