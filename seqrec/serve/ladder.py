"""What is shown where the model can't answer: one rung of a ladder after the other.

The model's list is the first rung. Below it are the items that are like the session's last ones, by
the item table, and then those with the most training events. A rung is left for the next where it
has nothing that the request allows.
"""

import asyncio
from collections.abc import Sequence
from concurrent.futures import Executor

import numpy as np
from numpy.typing import NDArray

from seqrec.bundle.batch import Batch
from seqrec.index import NOTHING, Found
from seqrec.index import Allowed as AllowedItems
from seqrec.serve.model import INLINE_MS, Model

LAST = 3  # events of a session that say what is like it
MODEL, SIMILAR, POPULAR = "model", "similar", "popular"
FALLS = frozenset({"no_items", "unknown_items", "no_state", "late", "failed"})  # reasons to fall


async def fallen(
    model: Model,
    batch: Batch | None,
    allowed: AllowedItems,
    k: int,
    *,
    seen: NDArray[np.int64] = NOTHING,
    until: float,
    thread: Executor,
) -> tuple[str, Found] | None:
    """Return the next rung that has something, and its list; None: none has.

    Args:
        model: whose tables are read; its graph isn't asked.
        batch: the session; None: nothing is known of it.
        allowed: items that may be shown.
        k: length of the list.
        seen: items that may not be shown, in ascending order.
        until: when the answer is of no more use, on the event loop's clock.
        thread: where a large table is read; a request whose time is up doesn't wait for it.
    """
    last = NOTHING if batch is None else last_of(batch)
    if len(last):
        near = await _near(model, last, allowed, k, seen, until, thread)
        if near is not None and len(near.item_K):
            return SIMILAR, near
    often = model.popular(k, allowed, seen)
    return (POPULAR, often) if len(often.item_K) else None


def last_of(batch: Batch) -> NDArray[np.int64]:
    """Return the last known items of the first session of a batch."""
    items = batch.item_BL[0][: batch.length_B[0]]
    return items[items > 0][-LAST:].astype(np.int64)


async def _near(
    model: Model,
    last: Sequence[int] | NDArray[np.int64],
    allowed: AllowedItems,
    k: int,
    seen: NDArray[np.int64],
    until: float,
    thread: Executor,
) -> Found | None:
    if model.alone_ms <= INLINE_MS:
        return model.similar(last, k, allowed, seen)
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout_at(until):
            return await loop.run_in_executor(thread, model.similar, last, k, allowed, seen)
    except TimeoutError:
        return None
