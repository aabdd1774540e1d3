"""Test metrics by kinds of events: cold and warm targets, short and long histories, ..."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import torch

from seqrec.ranking.gain import Gain

if TYPE_CHECKING:  # kinds of events are told without Lightning
    from seqrec.experiment.evaluated import Evaluated


def judged_events(module: "Evaluated") -> pl.DataFrame:
    """The test events with their ranks, in the order of the split.

    Returns:
        Columns user and item (of the target; original ids), history (events before the target),
        user_events and item_events (training events of the two), rank (from 1).
    """
    assert module.ranks is not None and module.facts.item_count_V is not None
    event_R, rank_R = (tensor.numpy() for tensor in module.ranks)
    view, train, store = module.splits.test.take(event_R), module.splits.train, module.store
    events_U = np.zeros(store.n_users, dtype=np.int64)
    np.add.at(events_U, train.user, train.end - train.start)
    target = store.item[view.end]
    return pl.DataFrame(
        {
            "user": store.users()["user"].gather(view.user),
            "item": store.items()["item"].gather(target - 1),
            "history": view.end - view.start,
            "user_events": events_U[view.user],
            "item_events": module.facts.item_count_V.numpy()[target],
            "rank": rank_R,
        }
    )


def slice_metrics(events: pl.DataFrame, gains: Mapping[str, Gain], k: int) -> dict[str, float]:
    """All metrics at one list length, by kind of event.

    ``target``: warm, or cold without a training event. ``history``: short or long, up to the median
    and beyond. ``user``: light or active, by their training events, likewise.

    Args:
        events: see :func:`judged_events`.
        gains: metrics by name.
        k: list length.

    Returns:
        ``{"slices/target=cold/ndcg@10": ..., "slices/target=cold/events": ...}``; kinds without
        events are left out.
    """
    rank_R = torch.from_numpy(events["rank"].to_numpy().copy())
    value = {
        f"{name}@{k}" if gain.at_k else name: gain(rank_R, k).double().numpy()
        for name, gain in gains.items()
    }
    results: dict[str, float] = {}
    for kind, member in kinds_of_events(events).items():
        if member.any():
            results[f"slices/{kind}/events"] = int(member.sum())
            results |= {f"slices/{kind}/{n}": float(v[member].mean()) for n, v in value.items()}
    return results


def kinds_of_events(events: pl.DataFrame) -> dict[str, np.ndarray]:
    """Which events are of each kind: see :func:`slice_metrics`."""
    cold = (events["item_events"] == 0).to_numpy()
    history, active = (events[name].to_numpy() for name in ("history", "user_events"))
    short, light = history <= np.median(history), active <= np.median(active)
    return {
        "target=cold": cold,
        "target=warm": ~cold,
        "history=short": short,
        "history=long": ~short,
        "user=light": light,
        "user=active": ~light,
    }
