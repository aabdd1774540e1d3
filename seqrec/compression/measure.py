"""What a compressed run costs and keeps, beside the run that it was made of."""

import io
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from seqrec.recommend import Recommender
from seqrec.run.folder import RunFolder

REQUESTS, BATCHES, WARM = 100, 10, 5


@dataclass(frozen=True)
class Row:
    """A line of the table: what was measured, before and after."""

    name: str
    before: float
    after: float

    @property
    def change(self) -> float:
        """The difference as a share of what was before."""
        return self.after / self.before - 1 if self.before else 0.0


def disk_bytes(state: Mapping[str, Any]) -> int:
    """Return the bytes of a file that holds these weights alone."""
    stream = io.BytesIO()
    plain = {k: v.detach().clone() if torch.is_tensor(v) else v for k, v in state.items()}
    torch.save(plain, stream)
    return stream.tell()


def request_ms(folders: list[RunFolder], sessions: list[list[str]], *, at_once: int) -> list[float]:
    """Return the milliseconds of a request to each run, in this process.

    The runs take turns, and of all requests the first decile counts: what else the machine does
    only adds to it.

    Args:
        folders: of the runs.
        sessions: histories in original ids.
        at_once: histories that are asked about together; the time is that of one of them.
    """
    recommenders = [Recommender.of(folder) for folder in folders]
    taken: list[list[float]] = [[] for _ in folders]
    times = REQUESTS if at_once == 1 else BATCHES
    for number in range(WARM + times):
        asked = [sessions[(number + at) % len(sessions)] for at in range(at_once)]
        for recommender, mine in zip(recommenders, taken, strict=True):
            begun = time.perf_counter()
            recommender.recommend_all(asked, k=10)
            if number >= WARM:
                mine.append(1000 * (time.perf_counter() - begun) / at_once)
    return [float(np.quantile(mine, 0.1)) for mine in taken]


def shared(before: RunFolder, after: RunFolder, *, k: int = 10) -> float:
    """Return the mean share of the first `k` items of the test lists that both runs have."""
    first = [
        folder.read_table("lists.parquet")["recommended"].list.head(k) for folder in (before, after)
    ]
    both = first[0].list.set_intersection(first[1]).list.len()
    return float((both / first[0].list.len().clip(lower_bound=1)).mean())  # type: ignore[arg-type]
