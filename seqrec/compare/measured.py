"""What events are worth to runs, and how much their means may vary."""

import numpy as np
import torch
from numpy.typing import NDArray

from seqrec.build import make
from seqrec.compare.rows import Comparison, Estimate
from seqrec.compare.runs import Run
from seqrec.compare.statistics import Floats, interval, resampled_rows, resampled_sums, user_sums
from seqrec.config.mistakes import unknown
from seqrec.errors import ConfigError
from seqrec.experiment.slices import kinds_of_events
from seqrec.ranking.gain import Gain


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
