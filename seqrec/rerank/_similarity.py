"""How alike the items of a list are: by a column of the item table, or by the model's vectors."""

from collections.abc import Callable
from functools import partial

import polars as pl
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seqrec.errors import ConfigError
from seqrec.ranking.categories import AUTO, find_categories
from seqrec.rerank._greedy import row

VECTORS = "vectors"


class Similarity(nn.Module):
    """Similarities of a list's items, 1 for an item with itself, as ``diversity@k`` counts them.

    By categories it is Jaccard's ``|A and B| / |A or B|``; an item without any is like no other.
    By vectors it is their cosine. Both are positive semidefinite, as a DPP needs.

    Args:
        by: a column of the item table; ``auto``: the categories of the metrics, or vectors if the
            data has none; ``vectors``.
        items: the item table; None: unknown.

    Attributes:
        reads_vectors: a call needs the model's vectors.
    """

    code_VM: Tensor

    def __init__(self, by: str, items: Callable[[], pl.DataFrame] | None) -> None:
        super().__init__()
        found = None
        if by != VECTORS and items is not None:
            try:
                found = find_categories(items(), by)
            except ConfigError as error:
                raise ValueError(f"similarity={by}: {error.what}; {error.todo}") from error
        if found is None and by not in (AUTO, VECTORS):
            raise ValueError(f"similarity={by}: the items of this model aren't known")
        self.reads_vectors = found is None
        codes = torch.zeros(1, 1, dtype=torch.int32) if found is None else found.code_VM
        self.register_buffer("code_VM", torch.as_tensor(codes), persistent=False)

    def forward(self, item_BK: Tensor, vector_BKD: Tensor | None) -> Callable[[Tensor], Tensor]:
        """Return ``similar(at_B1) -> sim_BK``: to the item of each row that is named, float32."""
        if self.reads_vectors:
            assert vector_BKD is not None
            return partial(_cosine, F.normalize(vector_BKD.float(), dim=2))
        code_BKM = self.code_VM[item_BK]
        return partial(_jaccard, code_BKM, (code_BKM > 0).sum(2))


def _cosine(unit_BKD: Tensor, at_B1: Tensor) -> Tensor:
    sim_BK = (unit_BKD @ row(unit_BKD, at_B1)[:, :, None]).squeeze(2)
    return sim_BK.scatter(1, at_B1, 1.0)


def _jaccard(code_BKM: Tensor, number_BK: Tensor, at_B1: Tensor) -> Tensor:
    own_BM = row(code_BKM, at_B1)
    both_BK = torch.zeros_like(number_BK, dtype=torch.float32)
    for own_B in own_BM.masked_fill(own_BM == 0, -1).unbind(1):  # -1 equals no code
        both_BK += (code_BKM == own_B[:, None, None]).sum(2)
    either_BK = number_BK + number_BK.gather(1, at_B1) - both_BK
    return (both_BK / either_BK.clamp(min=1)).scatter(1, at_B1, 1.0)
