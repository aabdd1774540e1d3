"""Batches of several requests, joined to one."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqrec.bundle.batch import TIME, UNKNOWN_TIME, Batch


def joined(batches: Sequence[Batch]) -> Batch:
    """Join batches, padded on the right with unknown values."""
    if len(batches) == 1:
        return batches[0]
    width = max(batch.item_BL.shape[1] for batch in batches)

    def padded(parts: Sequence[NDArray[Any]], value: float) -> NDArray[Any]:
        out = np.full((sum(map(len, parts)), width), value, parts[0].dtype)
        row = 0
        for part in parts:
            out[row : row + len(part), : part.shape[1]] = part
            row += len(part)
        return out

    def stacked(name: str) -> NDArray[Any]:
        return np.concatenate([getattr(batch, name) for batch in batches])

    unknown = {
        name: UNKNOWN_TIME if name == TIME else 0 if value.dtype == np.int64 else math.nan
        for name, value in batches[0].event.items()
    }
    return Batch(
        item_BL=padded([batch.item_BL for batch in batches], 0),
        length_B=stacked("length_B"),
        user_B=stacked("user_B"),
        asked_B=stacked("asked_B"),
        event={n: padded([batch.event[n] for batch in batches], v) for n, v in unknown.items()},
        seen=[seen for batch in batches for seen in batch.seen],
        unknown=[each for batch in batches for each in batch.unknown],
    )


def shortened(batch: Batch) -> Batch:
    """Return the batch of a session of L events, L > 1, as L sessions without one event each."""
    length = int(batch.length_B[0])
    kept_RL = np.arange(length)[None, :].repeat(length, 0)
    kept_RL = kept_RL[~np.eye(length, dtype=bool)].reshape(length, length - 1)
    return Batch(
        item_BL=batch.item_BL[0][kept_RL],
        length_B=np.full(length, length - 1),
        user_B=batch.user_B.repeat(length),
        asked_B=batch.asked_B.repeat(length),
        event={name: value[0][kept_RL] for name, value in batch.event.items()},
        seen=batch.seen * length,
        unknown=batch.unknown * length,
    )
