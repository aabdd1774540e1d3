"""How far the answers of a bundle are from those of its run, and how far they may be."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seqrec.bundle.batch import Batch
from seqrec.bundle.bundle import Bundle
from seqrec.bundle.rank import ranks, top_items

K = 10
SCORE = 1e-5  # of |query| |item|
WEIGHT = 1e-4  # of an attention weight, or of the largest where they exceed 1
NDCG = 1e-4
Floats = NDArray[np.floating]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Answers:
    """What B requests are answered.

    Args:
        query_BD: the queries.
        item_BK: indices of the first items, best first, filled up with 0.
        rank_B: rank of the item that followed.
        attention: weights of each history.
    """

    query_BD: Floats
    item_BK: Ints
    rank_B: Ints
    attention: list[Floats] = field(default_factory=list)


@dataclass(frozen=True)
class Compared:
    """B requests, compared.

    Args:
        score_B: the largest difference of any item's score, as a share of ``|query| |item|``.
        weight_B: the largest difference of an attention weight.
        differs_B: whether the lists differ by more than the order of ties.
        tied_B: whether they differ by the order of ties alone.
        run_B, bundle_B: ranks.
    """

    score_B: Floats
    weight_B: Floats
    differs_B: NDArray[np.bool_]
    tied_B: NDArray[np.bool_]
    run_B: Ints
    bundle_B: Ints

    @property
    def bad(self) -> NDArray[np.bool_]:
        """Which requests are answered otherwise, bool (B,)."""
        return ~(self.score_B <= SCORE) | ~(self.weight_B <= WEIGHT) | self.differs_B

    @property
    def agrees(self) -> bool:
        """Whether all answers are within the bars."""
        run, bundle = (float(ndcg(rank_B).mean()) for rank_B in (self.run_B, self.bundle_B))
        return not self.bad.any() and abs(run - bundle) <= NDCG

    def summary(self) -> dict[str, Any]:
        """Return the figures, fit for JSON."""
        return {
            "requests": len(self.score_B),
            "score": {"largest": float(self.score_B.max()), "bar": SCORE},
            "attention": {"largest": float(self.weight_B.max()), "bar": WEIGHT},
            f"top{K}": {
                "equal": int((~self.differs_B & ~self.tied_B).sum()),
                "ties": int(self.tied_B.sum()),
                "different": int(self.differs_B.sum()),
            },
            f"ndcg@{K}": {
                "run": float(ndcg(self.run_B).mean()),
                "bundle": float(ndcg(self.bundle_B).mean()),
                "bar": NDCG,
            },
        }


def answered(bundle: Bundle, batch: Batch, target_B: Ints) -> Answers:
    """Return what a bundle answers, by its own protocol."""
    query_BD, alpha_BL = bundle.run(batch)
    among: dict[str, Any] = {
        "allowed_V": bundle.items.candidate_V,
        "masked": batch.seen if bundle.manifest["mask_seen"] else None,
    }
    tables = bundle.vectors, bundle.bias
    rounding = bundle.manifest["rounding"]
    return Answers(
        query_BD,
        top_items(query_BD, *tables, k=min(K, len(bundle.items)), **among)[0],
        ranks(query_BD, *tables, target_B, rounding=rounding, **among),
        [row[:n] for row, n in zip(alpha_BL, batch.length_B, strict=True)],
    )


def compared(bundle: Bundle, run: Answers, own: Answers) -> Compared:
    """Compare the answers of a run with those of a bundle.

    No item's score differs by more than ``|difference of the queries| |item|``, because both are
    scored against the same table, so that bound stands for the whole catalogue.
    """
    size_B = np.maximum(np.linalg.norm(run.query_BD, axis=1), np.finfo(np.float32).tiny)
    score_B = np.linalg.norm(own.query_BD - run.query_BD, axis=1) / size_B
    unlike_BK = run.item_BK != own.item_BK
    tied_BK = _tied(bundle, run, own)
    pairs = zip(run.attention, own.attention, strict=True)
    return Compared(
        score_B=score_B,
        weight_B=np.array([_largest(a, b) for a, b in pairs] or np.zeros(len(score_B))),
        differs_B=(unlike_BK & ~tied_BK).any(1),
        tied_B=unlike_BK.any(1) & ~(unlike_BK & ~tied_BK).any(1),
        run_B=run.rank_B,
        bundle_B=own.rank_B,
    )


def joined(parts: list[Compared]) -> Compared:
    """Return several comparisons as one."""
    return Compared(
        **{name: np.concatenate([getattr(part, name) for part in parts]) for name in vars(parts[0])}
    )


def ndcg(rank_B: Ints, k: int = K) -> NDArray[np.float64]:
    """Return the gain of each rank."""
    return np.where(rank_B <= k, 1 / np.log2(1 + rank_B), 0.0)


def _tied(bundle: Bundle, run: Answers, own: Answers) -> NDArray[np.bool_]:
    """Return where two items, if they differ, score the same within rounding.

    What the queries may differ by, which has a bar of its own, moves scores as rounding does.
    """
    scores, sizes = [], []
    for item_BK in (run.item_BK, own.item_BK):
        vector_BKD = np.asarray(bundle.vectors[item_BK], dtype=np.float64)
        score_BK = np.einsum("bd,bkd->bk", run.query_BD, vector_BKD)
        scores.append(score_BK + (0 if bundle.bias is None else bundle.bias[item_BK]))
        sizes.append(np.linalg.norm(vector_BKD, axis=2))
    apart_B = np.linalg.norm(own.query_BD - run.query_BD, axis=1)
    near_B = bundle.manifest["rounding"] * np.linalg.norm(run.query_BD, axis=1) + apart_B
    both = (run.item_BK > 0) & (own.item_BK > 0)
    return both & (np.abs(scores[0] - scores[1]) <= near_B[:, None] * (sizes[0] + sizes[1]))


def _largest(run_L: Floats, own_L: Floats) -> float:
    if run_L.shape != own_L.shape:
        return float("inf")
    return float(np.abs(run_L - own_L).max() / max(1.0, float(np.abs(run_L).max())))
