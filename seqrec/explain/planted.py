"""Ground truth: whether the events that decided come first, on data whose causes were planted."""

from typing import Any

import numpy as np
from torch import Tensor

from seqrec.build import build_source
from seqrec.explain.crowd import Crowd
from seqrec.recommend import Recommender
from seqrec.store.store import SequenceStore


def planted(
    recommender: Recommender, store: SequenceStore, crowd: Crowd, place: dict[str, Tensor]
) -> dict[str, dict[str, Any]]:
    """Return the share of users whose planted causes have the largest weights.

    A user counts whose item is the one that the planted rule makes the next: a model may also be
    right, or wrong, for another reason.

    Args:
        recommender: the run.
        store: its data.
        crowd: users and items that were explained.
        place: each event's place by weight, by method.

    Returns:
        By method, ``share`` and ``users``; nothing for data without planted causes.
    """
    cause = getattr(build_source(recommender.config), "cause", None)
    if cause is None:
        return {}
    ids, history = np.array(["", *recommender.items.ids], dtype=object), crowd.batch.history
    users = store.users()["user"].gather(history.user_B.tolist())
    first: dict[str, list[bool]] = {name: [] for name in place}
    for row, (user, length) in enumerate(zip(users, crowd.lengths.tolist(), strict=True)):
        found = cause(user, ids[history.item_BL[row, :length]].tolist())
        if found is None or found[0] != ids[crowd.batch.target_B[row]]:
            continue
        for name, place_UL in place.items():
            first[name].append(bool((place_UL[row, found[1]] < len(found[1])).all()))
    return {
        name: {"share": float(np.mean(each)), "users": len(each)}
        for name, each in first.items()
        if each
    }
