"""Metric values of events by run, and the uncertainty of their means."""

import numpy as np
import torch
from numpy.typing import NDArray

from seqrec.comparison.estimate.rows import Comparison, Estimate, Spread
from seqrec.comparison.estimate.statistics import (
    Floats,
    interval,
    resampled_rows,
    resampled_sums,
    user_sums,
)
from seqrec.comparison.read.runs import Run
from seqrec.config.check.mistakes import unknown
from seqrec.config.make import make
from seqrec.config.schema import Component
from seqrec.errors import ConfigError, RunError
from seqrec.evaluation.slices import kinds_of_events
from seqrec.ranking.gain import Gain

BY_CATEGORY = ("diversity@", "miscalibration@")  # metrics of the categories of items


class Measured:
    """The test events of comparable runs, with values summed by user.

    Args:
        runs: runs with the same test events.
    """

    def __init__(self, runs: list[Run]) -> None:
        self.runs, self.events = runs, runs[0].ranks
        self.user_E = self.events["user"].rle_id().to_numpy()
        self.rank_RE = torch.from_numpy(np.stack([run.ranks["rank"].to_numpy() for run in runs]))

    def values(self, metric: str) -> Floats:
        """Compute the metric of each event for each run, (R, E).

        Raises:
            ConfigError: there is no such metric of ranks.
        """
        gain, k = _gain(metric, self.runs)
        return gain(self.rank_RE, k).double().numpy()

    def sums(self, value_RE: Floats, member_E: NDArray[np.bool_]) -> Floats:
        """Sum some events by user: their number, then each run's values, (1 + R, U)."""
        counted = np.concatenate([np.ones((1, len(member_E))), value_RE]) * member_E
        return user_sums(counted, self.user_E)


def bootstrap(
    measured: Measured,
    wanted: list[tuple[Floats, NDArray[np.bool_] | None]],
    members: list[list[int]],
    replicates: int,
) -> tuple[Floats, list[Floats]]:
    """Compute the mean of each run, and replicates of each row's mean.

    Args:
        measured: the events.
        wanted: pairs of values of events by run, and which events count (None: all).
        members: the runs of each row.
        replicates: their number, B.

    Returns:
        (M, R), and (B, G) for each of `wanted`.
    """
    every = np.ones(len(measured.events), dtype=bool)
    blocks = [measured.sums(v, every if member is None else member) for v, member in wanted]
    sums_BC = resampled_sums(np.concatenate(blocks).T, replicates=replicates)
    width, rows, means = 1 + len(measured.runs), [], []
    for at, block in enumerate(blocks):
        total = block.sum(1)
        means.append(total[1:] / total[0])
        drawn = sums_BC[:, at * width : (at + 1) * width]
        with np.errstate(invalid="ignore"):  # a draw without such events is NaN, and skipped
            rows.append(resampled_rows(drawn[:, 1:] / drawn[:, :1], members))
    return np.stack(means), rows


def slice_estimates(
    comparison: Comparison, replicates: int
) -> dict[str, tuple[int, list[Estimate]]]:
    """Estimate the first metric by kind of event: the number of events, and each row's estimate."""
    runs = comparison.runs
    measured, place = Measured(runs), iter(range(len(runs)))
    members = [[next(place) for _ in row.runs] for row in comparison.rows]
    kinds = {name: m for name, m in kinds_of_events(measured.events).items() if m.any()}
    value_RE = measured.values(comparison.metrics[0])
    mean_KR, rows = bootstrap(
        measured, [(value_RE, member) for member in kinds.values()], members, replicates
    )
    return {
        name: (
            int(member.sum()),
            [estimate(mean_KR[k, part], rows[k][:, row]) for row, part in enumerate(members)],
        )
        for k, (name, member) in enumerate(kinds.items())
    }


def sort_metrics(metrics: list[str], runs: list[Run]) -> tuple[list[str], list[str]]:
    """Separate metrics of ranks, which every event has, from others in the runs' metrics.json.

    Raises:
        ConfigError: the first isn't a metric of ranks, so it can't be tested.
    """
    of_ranks = {name for run in runs for name in run.metric}
    reported = [m for m in metrics if m.partition("@")[0] not in of_ranks and _has(m, runs)]
    ranked = [metric for metric in metrics if metric not in reported]
    if not ranked or metrics[0] in reported:
        first = ",".join(ranked or ["ndcg@10"])
        raise ConfigError(
            f"metric={metrics[0]} can't be tested: it isn't computed for each event",
            todo=f"put a metric of ranks first: metric={first},{metrics[0]}",
        )
    return ranked, reported


def reported_by(metric: str, runs: list[Run]) -> Floats:
    """Read a test metric from each run's metrics.json, (R,).

    Raises:
        RunError: a run lacks it, or the runs use different categories.
    """
    by = sorted({str(run.protocol.get("category")) for run in runs})
    if metric.startswith(BY_CATEGORY) and len(by) > 1:
        raise RunError(
            f"{metric} of these runs uses different categories: {', '.join(by)}",
            where="; ".join(f"{run.path}: {run.protocol.get('category')}" for run in runs[:10]),
            todo="choose runs with one evaluation.category, or leave the metric out",
        )
    for run in runs:
        if not _has(metric, [run]):
            raise RunError(
                f"a run has no {metric}",
                where=str(run.path),
                todo="leave the metric or the run out, or run it again with this metric configured",
            )
    return np.array([float(run.results[f"test/{metric}"]) for run in runs])


def spread(value_S: Floats) -> Spread:
    """Compute mean and sd over the runs of a row."""
    return Spread(float(value_S.mean()), float(value_S.std(ddof=1)) if len(value_S) > 1 else None)


def estimate(run_mean_S: Floats, replicate_B: Floats) -> Estimate:
    """Estimate a row's mean from its runs' means and its replicates."""
    low, high = interval(replicate_B[:, None])
    sd = float(run_mean_S.std(ddof=1)) if len(run_mean_S) > 1 else None
    return Estimate(float(run_mean_S.mean()), sd, float(low[0]), float(high[0]))


def _gain(metric: str, runs: list[Run]) -> tuple[Gain, int]:
    name, at, text = metric.partition("@")
    gains = _gains(runs)
    if name not in gains:
        raise ConfigError(
            f"metric={metric}: {unknown(name, gains, noun='metrics of ranks')}",
            todo="use metric=ndcg@10, for example, or a test metric in the runs' metrics.json",
        )
    gain: Gain = make(gains[name])
    if gain.at_k != bool(at) or (at and not (text.isdigit() and int(text) > 0)):
        form = f"{name}@10" if gain.at_k else name
        raise ConfigError(f"metric={metric} can't be read", todo=f"use metric={form}, for example")
    return gain, int(text or 1)


def _gains(runs: list[Run]) -> dict[str, Component]:
    return {n: each for run in runs for n, each in run.metric.items() if isinstance(each, dict)}


def _has(metric: str, runs: list[Run]) -> bool:
    return any(isinstance(run.results.get(f"test/{metric}"), int | float) for run in runs)
