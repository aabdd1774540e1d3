"""Slates as padded arrays."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
DAY = 86_400_000


@dataclass(frozen=True)
class Ranked:
    """Candidates, best first.

    Args:
        item_NM: their codes, -1 from where a slate has no more.
        score_NM: their scores, -inf there.
    """

    item_NM: Ints
    score_NM: Floats

    def rows(self, chosen: slice | NDArray[np.bool_]) -> "Ranked":
        """Return some of the slates."""
        return Ranked(self.item_NM[chosen], self.score_NM[chosen])


@dataclass(frozen=True)
class Slates:
    """Slates of a log.

    Args:
        item_NK: codes of the shown items, -1 from where a slate has no more.
        propensity_NK: conditional, as logged; 1 there.
        reward_NK: what each slot earned; 0 there.
        session_N: numbers of their sessions.
        candidates: what their policy chose from.
    """

    item_NK: Ints
    propensity_NK: Floats
    reward_NK: Floats
    session_N: Ints
    candidates: Ranked

    def __len__(self) -> int:
        return len(self.item_NK)

    @property
    def present(self) -> NDArray[np.bool_]:
        """Which slots there are."""
        return self.item_NK >= 0

    def rows(self, chosen: slice | NDArray[np.bool_]) -> "Slates":
        """Return some of the slates."""
        return Slates(
            self.item_NK[chosen],
            self.propensity_NK[chosen],
            self.reward_NK[chosen],
            self.session_N[chosen],
            self.candidates.rows(chosen),
        )


def arrays_of(slates: pl.DataFrame) -> tuple[Slates, list[str]]:
    """Return slates as arrays, and the original ids of the items by code.

    Args:
        slates: what :func:`~seqrec.offpolicy.sift.sift` kept; every shown item is a candidate.
    """
    ids = slates["candidates"].explode().unique(maintain_order=True)
    kind = pl.List(pl.Enum(ids))
    codes = {
        name: padded(slates[name].cast(kind).list.eval(pl.element().to_physical()), -1)
        for name in ("items", "candidates")
    }
    _, session_N = np.unique(slates["session"].to_numpy(), return_inverse=True)
    ranked = Ranked(
        codes["candidates"].astype(np.int64), padded(slates["candidate_scores"], -np.inf)
    )
    return (
        Slates(
            item_NK=codes["items"].astype(np.int64),
            propensity_NK=padded(slates["propensities"], 1.0),
            reward_NK=padded(slates["rewards"], 0.0),
            session_N=session_N,
            candidates=ranked,
        ),
        ids.to_list(),
    )


def padded(lists: pl.Series, fill: float) -> NDArray[np.float64]:
    """Return a column of lists as one array, filled up on the right."""
    length_N = lists.list.len().to_numpy()
    width = int(length_N.max(initial=0))
    array_NW = np.full((len(lists), width), fill)
    array_NW[np.arange(width) < length_N[:, None]] = lists.explode(empty_as_null=False).to_numpy()
    return array_NW


def places(item_NM: Ints, wanted_NJ: Ints) -> Ints:
    """Return where each row of `item_NM` has the wanted items: ``(N, J)``, -1 where it hasn't."""
    (rows, width), most = item_NM.shape, 1 + max(item_NM.max(initial=0), wanted_NJ.max(initial=0))
    row_N1 = np.arange(rows)[:, None] * most
    key = np.where(item_NM >= 0, row_N1 + item_NM, -1).ravel()
    wanted = np.where(wanted_NJ >= 0, row_N1 + wanted_NJ, -2).ravel()
    order = np.argsort(key, kind="stable")
    at = order[np.minimum(np.searchsorted(key, wanted, sorter=order), max(len(key) - 1, 0))]
    return np.where(key[at] == wanted, at % max(width, 1), -1).reshape(wanted_NJ.shape)
