"""What the item table in int8 costs, used as it is meant: to find items that are scored exactly."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from seqrec.bundle.agree import K, ndcg
from seqrec.bundle.batch import Batch
from seqrec.bundle.bundle import Bundle
from seqrec.bundle.rank import top_items

Floats = NDArray[np.floating]
Ints = NDArray[np.int64]
FOUND = 200  # items that are found in int8 and scored again in float32
OVERLAP, LOSS, SLICE_LOSS = 0.99, 0.005, 0.02  # the bars; losses are shares of NDCG
ENOUGH = 50  # least events of a slice that is judged


@dataclass(frozen=True)
class Listed:
    """Lists of B requests from the int8 table, beside the exact ones.

    Args:
        overlap_B: share of the exact list in the list of items found in int8 and scored again.
        alone_B: share of it in the list that int8 scores alone give.
        exact_B, int8_B: place of the item that followed, in the exact list and in the former.
    """

    overlap_B: Floats
    alone_B: Floats
    exact_B: Ints
    int8_B: Ints


def listed(bundle: Bundle, batch: Batch, query_BD: Floats, item_BK: Ints, target_B: Ints) -> Listed:
    """Return the lists of a batch; `item_BK` are the exact ones."""
    assert bundle.int8 is not None
    masked = batch.seen if bundle.manifest["mask_seen"] else None
    found_BM, _ = top_items(
        cast(Any, query_BD),
        cast(Any, Scaled(*bundle.int8)),
        bundle.bias,
        k=min(FOUND, len(bundle.items)),
        allowed_V=bundle.items.candidate_V,
        masked=masked,
    )
    score_BM = np.einsum("bd,bmd->bm", query_BD, bundle.vectors[found_BM])
    score_BM += 0 if bundle.bias is None else bundle.bias[found_BM]
    score_BM[found_BM == 0] = -np.inf
    order_BM = np.argsort(-score_BM, axis=1, kind="stable")
    again_BK = np.take_along_axis(found_BM, order_BM, 1)[:, : item_BK.shape[1]]
    alone_BK = found_BM[:, : item_BK.shape[1]]
    return Listed(
        _overlap(item_BK, again_BK),
        _overlap(item_BK, alone_BK),
        _place(item_BK, target_B),
        _place(again_BK, target_B),
    )


class Scaled:
    """An int8 table that is read as float32, a block at a time."""

    def __init__(self, code_VD: NDArray[np.int8], scale_V: NDArray[np.float32]) -> None:
        self._code, self._scale = code_VD, scale_V

    def __len__(self) -> int:
        return len(self._code)

    def __getitem__(self, rows: slice) -> NDArray[np.float32]:
        part_WD = self._code[rows].astype(np.float32)
        part_WD *= self._scale[rows, None]
        return part_WD


def judged(parts: list[Listed], slices: Mapping[str, NDArray[np.bool_]]) -> dict[str, Any]:
    """Return the figures of the int8 table, fit for JSON, with ``passed``.

    Args:
        parts: lists of all requests.
        slices: which requests belong to each kind of event; those after the last are cut ones.
    """
    whole = Listed(
        **{name: np.concatenate([getattr(part, name) for part in parts]) for name in vars(parts[0])}
    )
    exact_R, int8_R = ndcg(whole.exact_B), ndcg(whole.int8_B)
    loss = _loss(exact_R, int8_R)
    lost = {
        name: _loss(exact_R[: len(member)][member], int8_R[: len(member)][member])
        for name, member in slices.items()
        if member.sum() >= ENOUGH
    }
    worst = max(lost, key=lambda name: lost[name], default=None)
    overlap = float(whole.overlap_B.mean())
    return {
        "found": FOUND,
        f"overlap@{K}": {"mean": overlap, "bar": OVERLAP},
        f"overlap@{K} without scoring again": float(whole.alone_B.mean()),
        f"ndcg@{K} lost": {"share": loss, "bar": LOSS},
        "worst slice": worst and {"slice": worst, "share": lost[worst], "bar": SLICE_LOSS},
        "passed": overlap >= OVERLAP
        and loss <= LOSS
        and (worst is None or lost[worst] <= SLICE_LOSS),
    }


def _overlap(exact_BK: Ints, other_BK: Ints) -> Floats:
    same_BK = (exact_BK[:, :, None] == other_BK[:, None]).any(2) & (exact_BK > 0)
    return same_BK.sum(1) / np.maximum(1, (exact_BK > 0).sum(1))


def _place(item_BK: Ints, target_B: Ints) -> Ints:
    """Return the place of each target in its list, from 1; beyond it if it isn't there."""
    at_BK = item_BK == target_B[:, None]
    return np.where(at_BK.any(1), 1 + at_BK.argmax(1), K + 1)


def _loss(exact_R: Floats, int8_R: Floats) -> float:
    """Return the share of the mean gain that is lost; 0 where there is none to lose."""
    before = float(exact_R.mean()) if len(exact_R) else 0.0
    return abs(before - float(int8_R.mean())) / before if before else 0.0
