"""How alike the items of a list are: by a column of the item table, or by the model's vectors."""

from collections.abc import Callable

import polars as pl
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seqrec.errors import ConfigError
from seqrec.ranking.categories import AUTO, find_categories

VECTORS = "vectors"


class Similarity(nn.Module):
    """``sim_BKK``, 1 for an item with itself, as ``diversity@k`` counts it.

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

    def forward(self, item_BK: Tensor, vector_BKD: Tensor | None) -> Tensor:
        """``sim_BKK`` in float32."""
        if not self.reads_vectors:
            return self._jaccard(item_BK)
        assert vector_BKD is not None
        unit_BKD = F.normalize(vector_BKD.float(), dim=2)
        sim_BKK = unit_BKD @ unit_BKD.transpose(1, 2)
        return sim_BKK.masked_fill(_diagonal(sim_BKK), 1.0)

    def _jaccard(self, item_BK: Tensor) -> Tensor:
        code_BKM = self.code_VM[item_BK]
        number_BK = (code_BKM > 0).sum(2)
        both_BKK = torch.zeros(*item_BK.shape, item_BK.shape[1], device=item_BK.device)
        for code_BK in code_BKM.unbind(2):
            own_BK1 = code_BK.masked_fill(code_BK == 0, -1)[:, :, None]  # -1 equals no code
            for other_BK in code_BKM.unbind(2):
                both_BKK += own_BK1 == other_BK[:, None]
        either_BKK = number_BK[:, :, None] + number_BK[:, None] - both_BKK
        sim_BKK = both_BKK / either_BKK.clamp(min=1)
        return sim_BKK.masked_fill(_diagonal(sim_BKK), 1.0)


def _diagonal(sim_BKK: Tensor) -> Tensor:
    return torch.eye(sim_BKK.shape[1], dtype=torch.bool, device=sim_BKK.device)
