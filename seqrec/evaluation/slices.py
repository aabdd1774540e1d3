"""Test metrics by kind of event, and the gaps between kinds."""

from collections.abc import Iterator, Mapping

import numpy as np
import polars as pl
import torch

from seqrec.ranking.gain import Gain
from seqrec.ranking.lists import Bools, Values

SLICES = {  # kinds of slices, and their two parts
    "target": ("cold", "warm"),
    "item": ("tail", "head"),
    "history": ("short", "long"),
    "user": ("light", "active"),
    "arrival": ("new", "known"),
    "exposure": ("chosen", "random"),
}
GROUP = "user."  # prefix of columns with user attributes
ENOUGH = 50  # least events of a group that counts in a gap between groups
GAPS = ("ndcg", "hit_rate", "tail_share", "popularity_ratio")  # metrics whose gaps are reported


def slice_metrics(
    events: pl.DataFrame,
    gains: Mapping[str, Gain],
    k: int,
    lists: Mapping[str, Values] | None = None,
) -> dict[str, float]:
    """Compute all metrics at one list length by kind of event, and the gaps within each kind.

    ``target``: warm, or cold if it has no training event. ``item``: the target belongs to the
    popular head or to the tail. ``history``: short up to the median, long above. ``user``: light or
    active, likewise by training events. ``arrival``: the user has training events (known) or none
    (new). ``exposure``: a recommender had chosen the target for the user, or chance had, in data
    with such a column. The groups of each user attribute in `events` follow.

    A gap is the second part's metric minus the first's in :data:`SLICES`: of active minus light
    users (Ekstrand et al. 2018, "All the cool kids, how do they fit in?"; Li et al. 2021,
    "User-oriented fairness in recommendation", without its absolute value). Groups of users have
    no order: their gap is the largest metric minus the smallest (Bird et al. 2020, "Fairlearn",
    the difference between groups), over groups with 50 events or more.

    Args:
        events: see :func:`~seqrec.evaluation.tables.judged_events`.
        gains: metrics by name.
        k: list length.
        lists: metrics of the lists; those at other lengths are left out.

    Returns:
        ``{"slices/target=cold/ndcg@10": ..., "slices/target=cold/events": ..., "gaps/user/ndcg@10":
        ...}``; kinds without events and undefined metrics are left out.
    """
    rank_R = torch.from_numpy(events["rank"].to_numpy().copy())
    value = {
        f"{name}@{k}" if gain.at_k else name: Values.of(gain(rank_R, k).double().numpy())
        for name, gain in gains.items()
    }
    value |= {n: v for n, v in (lists or {}).items() if n.endswith(f"@{k}")}
    results: dict[str, float] = {}
    for kind, member_R in kinds_of_events(events).items():
        if member_R.any():
            results[f"slices/{kind}/events"] = int(member_R.sum())
            means = {name: each.mean(member_R) for name, each in value.items()}
            results |= {f"slices/{kind}/{n}": m for n, m in means.items() if m is not None}
    return results | dict(_gaps(results, k)) | dict(_group_gaps(events, results, k))


def balanced_metrics(events: pl.DataFrame, gains: Mapping[str, Gain], k: int) -> dict[str, float]:
    """Compute the metrics as if every target were tested equally often: means over items.

    An event weighs 1 over the number of test events with its target, so popular items count no
    more than rare ones (Yang et al. 2018, "Unbiased offline recommender evaluation"; Steck 2011).

    Args:
        events: see :func:`~seqrec.evaluation.tables.judged_events`.
        gains: metrics by name.
        k: list length.

    Returns:
        ``{"balanced/ndcg@10": ...}``.
    """
    weight_R = 1 / events.select(pl.len().over("item")).to_series().to_numpy()
    rank_R = torch.from_numpy(events["rank"].to_numpy().copy())
    return {
        f"balanced/{name}@{k}" if gain.at_k else f"balanced/{name}": float(
            np.average(gain(rank_R, k).double().numpy(), weights=weight_R)
        )
        for name, gain in gains.items()
    }


def kinds_of_events(events: pl.DataFrame) -> dict[str, Bools]:
    """Return which events belong to each kind; see :func:`slice_metrics`.

    Kinds that need a column which tables of older versions lack are left out.
    """
    history, active = (events[name].to_numpy() for name in ("history", "user_events"))
    second = {  # whether an event is in the second of the two parts
        "target": events["item_events"].to_numpy() > 0,
        "history": history > np.median(history),
        "user": active > np.median(active),
        "arrival": active > 0,
    }
    if "head" in events.columns:
        second["item"] = events["head"].to_numpy()
    if "random" in events.columns:
        second["exposure"] = events["random"].to_numpy()
    parts = {
        f"{kind}={part}": second[kind] == at
        for kind, both in SLICES.items()
        if kind in second
        for at, part in enumerate(both)
    }
    return parts | {
        f"{name}={group}": (group_R == group).fill_null(False).to_numpy()
        for name, group_R in attributes(events).items()
        for group in labels(group_R)
    }


def attributes(events: pl.DataFrame) -> dict[str, pl.Series]:
    """Return the group of each event's user by attribute, as Enum, null where it is missing."""
    return {
        name.removeprefix(GROUP): events[name]
        for name, dtype in events.schema.items()
        if name.startswith(GROUP) and isinstance(dtype, pl.Enum)
    }


def labels(group_R: pl.Series) -> list[str]:
    """Return the names of the groups, in order."""
    assert isinstance(group_R.dtype, pl.Enum)
    return group_R.dtype.categories.to_list()


def _gaps(results: Mapping[str, float], k: int) -> Iterator[tuple[str, float]]:
    for kind, both in SLICES.items():
        for name in GAPS:
            first, second = (results.get(f"slices/{kind}={part}/{name}@{k}") for part in both)
            if first is not None and second is not None:
                yield f"gaps/{kind}/{name}@{k}", second - first


def _group_gaps(
    events: pl.DataFrame, results: Mapping[str, float], k: int
) -> Iterator[tuple[str, float]]:
    for attribute, group_R in attributes(events).items():
        slices = [f"slices/{attribute}={group}" for group in labels(group_R)]
        large = [each for each in slices if results.get(f"{each}/events", 0) >= ENOUGH]
        for name in GAPS:
            means = [results[key] for each in large if (key := f"{each}/{name}@{k}") in results]
            if len(means) > 1:
                yield f"gaps/{attribute}/{name}@{k}", max(means) - min(means)
