"""Runs as rows of a table: means, intervals, and differences from a reference."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from seqrec.build import make
from seqrec.compare.choose import averaged_keys, check_keys, split_by, telling_keys
from seqrec.compare.runs import Run
from seqrec.compare.statistics import (
    Floats,
    holm,
    interval,
    p_values,
    resampled_rows,
    resampled_sums,
    user_sums,
)
from seqrec.config.mistakes import unknown
from seqrec.config.script import split_list
from seqrec.errors import ConfigError
from seqrec.experiment.slices import kinds_of_events
from seqrec.ranking.gain import Gain


@dataclass(frozen=True)
class Estimate:
    """A mean over runs and events."""

    mean: float
    sd: float | None  # of the runs' means; None: a single run
    low: float  # of the 95 % interval over users and runs
    high: float


@dataclass(frozen=True)
class Difference:
    """A row's first metric minus that of the reference."""

    mean: float
    low: float
    high: float
    p: float  # adjusted by Holm


@dataclass(frozen=True, eq=False)
class Row:
    """Runs that differ in nothing but what is averaged over."""

    labels: tuple[str, ...]  # values of the keys in `by`
    runs: list[Run]
    estimates: dict[str, Estimate]  # by metric
    difference: Difference | None  # None: it is the reference

    @property
    def name(self) -> str:
        """The labels in one, without those that say that a component isn't there."""
        return " · ".join(label for label in self.labels if label != "none") or "none"

    def mean_result(self, key: str) -> float | None:
        """A mean of what metrics.json says; None where a run doesn't say it."""
        values = [run.results.get(key) for run in self.runs]
        if any(value is None for value in values):
            return None
        return float(np.mean([float(value) for value in values if value is not None]))


@dataclass(frozen=True, eq=False)
class Comparison:
    """One table: runs that were measured on the same."""

    by: list[str]  # keys that tell the rows apart
    metrics: list[str]  # the first decides
    rows: list[Row]  # best first
    reference: int  # place among the rows
    chosen: bool  # the reference was asked for; else it is the best row
    replicates_BG: Floats  # of the first metric, by row

    @property
    def runs(self) -> list[Run]:
        """All runs, row by row."""
        return [run for row in self.rows for run in row.runs]

    @cached_property
    def averaged(self) -> list[str]:
        """Settings other than the seed that differ within a row."""
        return averaged_keys(row.runs for row in self.rows)

    @property
    def events(self) -> tuple[int, int]:
        """Test events, and users that they are of."""
        ranks = self.runs[0].ranks
        return len(ranks), ranks["user"].n_unique()


class Measured:
    """The test events of comparable runs, with their values summed by user.

    Args:
        runs: measured on the same events.
    """

    def __init__(self, runs: list[Run]) -> None:
        self.runs, self.events = runs, runs[0].ranks
        self.user_E = self.events["user"].rle_id().to_numpy()
        self.rank_RE = torch.from_numpy(np.stack([run.ranks["rank"].to_numpy() for run in runs]))

    def values(self, metric: str) -> Floats:
        """What each event is worth to each run, (R, E).

        Raises:
            ConfigError: there is no such metric of ranks.
        """
        gain, k = _gain(metric, self.runs)
        return gain(self.rank_RE, k).double().numpy()

    def sums(self, value_RE: Floats, member_E: NDArray[np.bool_]) -> Floats:
        """By user, over some of the events: how many, then each run's sum: (1 + R, U)."""
        counted = np.concatenate([np.ones((1, len(member_E))), value_RE]) * member_E
        return user_sums(counted, self.user_E)


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
        runs: measured on the same, at least one.
        by: settings that tell rows apart; None: the fewest that do, but for seed and fold.
        metrics: names as ``ndcg@10``; the first orders the rows and is tested.
        reference: a row, by its labels (``popularity``, ``model=sasrec,loss=gbce``); None: the
            best row.
        replicates: of the bootstrap.

    Raises:
        ConfigError: a key, metric or reference that isn't there.
    """
    check_keys(runs, by or [])
    by = by or telling_keys(runs)
    parts = split_by(runs, by)
    place = {id(run): at for at, run in enumerate(runs)}
    members = [[place[id(run)] for run in part] for part in parts.values()]
    measured = Measured(runs)
    mean_MR, replicate_MBG = bootstrap(
        measured, [(measured.values(metric), None) for metric in metrics], members, replicates
    )
    first_G = [float(mean_MR[0, those].mean()) for those in members]
    order = sorted(range(len(members)), key=lambda row: -first_G[row])
    labels = list(parts)
    reference_G = _reference(reference, by, [labels[row] for row in order])
    ordered_BG = replicate_MBG[0][:, order]
    differences = _differences([first_G[row] for row in order], ordered_BG, reference_G)
    rows = [
        Row(
            labels=labels[row],
            runs=list(parts.values())[row],
            estimates={
                metric: estimate(mean_MR[m, members[row]], replicate_MBG[m][:, row])
                for m, metric in enumerate(metrics)
            },
            difference=differences[at],
        )
        for at, row in enumerate(order)
    ]
    return Comparison(by, metrics, rows, reference_G, reference is not None, ordered_BG)


def bootstrap(
    measured: Measured,
    wanted: list[tuple[Floats, NDArray[np.bool_] | None]],
    members: list[list[int]],
    replicates: int,
) -> tuple[Floats, list[Floats]]:
    """Means of each run, and replicates of each row's mean.

    Args:
        measured: the events.
        wanted: values of events by run, and which events count (None: all).
        members: the runs of each row.
        replicates: B.

    Returns:
        (M, R), and for each that was wanted (B, G).
    """
    every = np.ones(len(measured.events), dtype=bool)
    blocks = [measured.sums(v, every if member is None else member) for v, member in wanted]
    sums_BC = resampled_sums(np.concatenate(blocks).T, replicates=replicates)
    width, rows, means = 1 + len(measured.runs), [], []
    for at, block in enumerate(blocks):
        total = block.sum(1)
        means.append(total[1:] / total[0])
        drawn = sums_BC[:, at * width : (at + 1) * width]
        with np.errstate(invalid="ignore"):  # a draw without any such event is NaN, and left out
            rows.append(resampled_rows(drawn[:, 1:] / drawn[:, :1], members))
    return np.stack(means), rows


def slice_estimates(
    comparison: Comparison, replicates: int
) -> dict[str, tuple[int, list[Estimate]]]:
    """The first metric by kinds of events: how many there are, and each row's estimate."""
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
            [estimate(mean_KR[k, those], rows[k][:, row]) for row, those in enumerate(members)],
        )
        for k, (name, member) in enumerate(kinds.items())
    }


def estimate(run_mean_S: Floats, replicate_B: Floats) -> Estimate:
    """Of a row, from its runs' means and its replicates."""
    low, high = interval(replicate_B[:, None])
    sd = float(run_mean_S.std(ddof=1)) if len(run_mean_S) > 1 else None
    return Estimate(float(run_mean_S.mean()), sd, float(low[0]), float(high[0]))


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


def _gain(metric: str, runs: list[Run]) -> tuple[Gain, int]:
    name, at, text = metric.partition("@")
    known = {n: node for run in runs for n, node in run.metric.items() if _is_ours(node)}
    if name not in known:
        raise ConfigError(
            f"metric={metric}: {unknown(name, known, noun='metrics of ranks')}",
            todo="metric=ndcg@10, for example",
        )
    gain: Gain = make(known[name])
    if gain.at_k != bool(at) or (at and not (text.isdigit() and int(text) > 0)):
        form = f"{name}@10" if gain.at_k else name
        raise ConfigError(f"metric={metric} can't be read", todo=f"write metric={form}, say")
    return gain, int(text or 1)


def _is_ours(node: object) -> bool:
    """A component of this project: a folder from elsewhere must not choose what is called."""
    return isinstance(node, dict) and str(node.get("_target_")).startswith("seqrec.metric.")


def _reference(wanted: str | None, by: list[str], labels: list[tuple[str, ...]]) -> int:
    if wanted is None:
        return 0
    found = [at for at, label in enumerate(labels) if _matches(wanted, by, label)]
    if len(found) == 1:
        return found[0]
    rows = [",".join(f"{k}={v}" for k, v in zip(by, label, strict=True)) for label in labels]
    raise ConfigError(
        f"reference={wanted} is {'several rows' if found else 'no row'} of the table",
        where="rows: " + " | ".join(rows[:12]) + (" | ..." if len(rows) > 12 else ""),
        todo="name one as it is written here",
    )


def _matches(wanted: str, by: list[str], label: tuple[str, ...]) -> bool:
    named = dict(zip(by, label, strict=True))
    for part in split_list(wanted):
        key, equals, value = part.partition("=")
        if not (named.get(key) == value if equals else part in label):
            return False
    return True
