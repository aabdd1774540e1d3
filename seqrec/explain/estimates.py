"""Means of an audit's metrics, their uncertainty over users, and how methods agree."""

from itertools import combinations
from typing import Any

import numpy as np
import polars as pl
from torch import Tensor

from seqrec.comparison.estimate.statistics import holm, interval, p_values, resampled_sums
from seqrec.explain.fidelity import Floats

REPLICATES = 10_000
CONTROLS = ("random", "recency")  # what every method is tested against
TOP = 3  # events in the overlap of two methods


def estimate(
    value: dict[str, dict[str, Floats]], *, replicates: int = REPLICATES
) -> dict[str, dict[str, Any]]:
    """Estimate each metric of each method, and its difference to the controls.

    Intervals are of 95 %, by a bootstrap over users with the same draws for all methods, so
    differences are paired. Within a metric, p is adjusted over all methods and both controls (Holm
    1979).

    Args:
        value: by method and metric, a value for each user, NaN where it has none.
        replicates: draws of the bootstrap.

    Returns:
        By method and metric: mean, low, high, users, and ``against`` by control: mean, low, high
        and p. A metric without users is left out.
    """
    methods, metrics = list(value), list(next(iter(value.values())))
    value_MCU = np.array([[value[method][metric] for metric in metrics] for method in methods])
    known = np.isfinite(value_MCU)
    columns = (-1, value_MCU.shape[-1])
    total = np.nan_to_num(np.where(known, value_MCU, 0)).reshape(columns)
    drawn = resampled_sums(np.concatenate([total, known.reshape(columns)]).T, replicates=replicates)
    sum_BX, count_BX = np.split(drawn, 2, axis=1)
    shape = (replicates, len(methods), len(metrics))
    with np.errstate(invalid="ignore", divide="ignore"):
        mean_BMC = (sum_BX / count_BX).reshape(shape)
        mean_MC = total.sum(1).reshape(shape[1:]) / known.sum(2)
    found: dict[str, dict[str, Any]] = {method: {} for method in methods}
    for c, metric in enumerate(metrics):
        if not known[:, c].any():
            continue
        low_M, high_M = interval(mean_BMC[:, :, c])
        for m, method in enumerate(methods):
            found[method][metric] = {
                "mean": float(mean_MC[m, c]),
                "low": float(low_M[m]),
                "high": float(high_M[m]),
                "users": int(known[m, c].sum()),
                "against": {},
            }
        _test(found, methods, metric, mean_MC[:, c], mean_BMC[:, :, c])
    return found


def _test(
    found: dict[str, dict[str, Any]],
    methods: list[str],
    metric: str,
    mean_M: Floats,
    mean_BM: Floats,
) -> None:
    """Add the differences to the controls."""
    pairs = [
        (m, methods.index(control))
        for control in CONTROLS
        if control in methods
        for m, method in enumerate(methods)
        if method not in CONTROLS
    ]
    if not pairs:
        return
    first, second = (list(side) for side in zip(*pairs, strict=True))
    difference_BG = mean_BM[:, first] - mean_BM[:, second]
    low_G, high_G = interval(difference_BG)
    p_G = holm(p_values(difference_BG))
    for g, (m, control) in enumerate(pairs):
        found[methods[m]][metric]["against"][methods[control]] = {
            "mean": float(mean_M[m] - mean_M[control]),
            "low": float(low_G[g]),
            "high": float(high_G[g]),
            "p": float(p_G[g]),
        }


def long_table(item_UL: Tensor, length_U: Tensor, weight: dict[str, Tensor]) -> pl.DataFrame:
    """Return a row for each event: user, item, distance (1: the latest), a weight by method."""
    valid = np.arange(item_UL.shape[1]) < length_U.numpy()[:, None]
    user, place = np.nonzero(valid)
    return pl.DataFrame(
        {
            "user": user,
            "item": item_UL.numpy()[valid],
            "distance": length_U.numpy()[user] - place,
            **{f"weight.{method}": each.numpy()[valid] for method, each in weight.items()},
        }
    )


def spearman(events: pl.DataFrame, first: str, second: str) -> float | None:
    """Return the mean over users of two columns' rank correlation; None if it is never defined."""
    each = events.group_by("user").agg(r=pl.corr(first, second, method="spearman"))["r"]
    mean = each.fill_nan(None).drop_nulls().mean()
    return None if mean is None else float(mean)  # type: ignore[arg-type]


def agreement(
    events: pl.DataFrame, place: dict[str, Tensor], length_U: Tensor
) -> list[dict[str, Any]]:
    """Compare each pair of methods: rank correlation, and how many of their first 3 are the same.

    Args:
        events: see :func:`long_table`.
        place: each event's place by weight, by method.
        length_U: numbers of events; users with more than 3 count in the overlap.
    """
    enough = length_U > TOP
    rows = []
    for one, other in combinations(place, 2):
        both_U = ((place[one] < TOP) & (place[other] < TOP)).sum(1)[enough].double() / TOP
        rows.append(
            {
                "methods": [one, other],
                "spearman": spearman(events, f"weight.{one}", f"weight.{other}"),
                "top3": float(both_U.mean()) if len(both_U) else None,
            }
        )
    return rows
