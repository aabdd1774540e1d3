"""Item vectors made of a few shared ones: a compositional table for huge catalogues."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Literal

import polars as pl
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seqrec.embedding.id import IdEmbedding
from seqrec.errors import DataError
from seqrec.features.columns import encode_features
from seqrec.features.encoded import Codes, Encoded
from seqrec.features.quantize import collisions, product_codes, residual_codes
from seqrec.layers.dropout import Dropout
from seqrec.layers.sizes import make_room
from seqrec.run.folder import RunFolder
from seqrec.shapes import History
from seqrec.terminal.say import say

WAYS = {"residual": residual_codes, "product": product_codes}
TABLE = "model.embedding.weight_VD"


class CodeEmbedding(nn.Module):
    """``x_i = sum_c codebook_c[code_c(i)]``, with codes that are fixed before training.

    Items that are alike share codes, and learn from each other's events; an item without any has
    the vector of its codes. Codebooks are learned: ``C K D`` numbers and C bytes an item, instead
    of ``V D`` numbers (C codes of K values; two bytes where K is above 256). A linear head scores
    ``h . x_i = sum_c h . codebook_c[code_c(i)]``, so this is also the scoring function of RPG (Hou
    et al. 2025, "Generating long semantic IDs in parallel for recommendation", KDD), trained by any
    loss over items.

    The codes come from item vectors, by k-means: of the features of the items, or of the item table
    of a finished run. Centres are made of items with training events, and all items are coded.
    Items with the very same codes would be one; a digit, the number of such an item, is a further
    code that keeps them apart.

    Args:
        n_items: items without the padding id; the table has ``V = n_items + 1`` rows.
        item_count_V: training events of each item.
        items: returns the item table; None: the codes come from a checkpoint.
        dim: width D.
        codes: codes of an item, C, without the digit.
        size: values of each code, K.
        by: ``residual``: each level codes what the one before left; ``product``: each code has a
            part of the columns.
        features: see :func:`~seqrec.features.columns.encode_features`.
        run: folder of a finished run with ``embedding=id``, whose table is coded instead of
            features; items that it never trained on count as vectors of zeros.
        digit: whether to keep items with the same codes apart.
        text_dim: width of the vectors of texts.
        seed: of the codes.
        dropout: share of the components of an input vector set to zero while training.
        scale: multiply inputs by ``sqrt(D)``, as :class:`~seqrec.embedding.id.IdEmbedding` does.
        std: standard deviation of the initial item vectors; null: Xavier, ``sqrt(2 / (V + D))``.
    """

    has_sparse_gradients: ClassVar[bool] = False
    bounds: ClassVar[dict[str, tuple[int, float]]] = {"codes": (1, 64), "size": (2, 65536)}
    warm_V: Tensor
    code_VC: Tensor

    def __init__(
        self,
        *,
        n_items: int,
        item_count_V: Tensor | None,
        items: Callable[[], pl.DataFrame] | None,
        dim: int,
        codes: int = 4,
        size: int = 256,
        by: Literal["residual", "product"] = "residual",
        features: list[str | dict[str, Any]] | Literal["all"] = "all",
        run: str | None = None,
        digit: bool = True,
        text_dim: int = 64,
        seed: int = 0,
        dropout: float = 0.0,
        scale: bool = True,
        std: float | None = None,
    ) -> None:
        super().__init__()
        if by not in WAYS:
            raise ValueError(f"embedding.by={by} must be one of {', '.join(WAYS)}")
        v, levels = n_items + 1, codes + digit
        std = math.sqrt(2 / (v + dim)) if std is None else std
        self.dim, self.size, self.scale = dim, size, math.sqrt(dim) if scale else 1.0
        self.dropout = Dropout(dropout)
        known_V = torch.ones(v, dtype=torch.bool) if item_count_V is None else item_count_V > 0
        known_V[0] = False
        self.register_buffer("warm_V", known_V.float())
        kind = torch.uint8 if size <= 256 else torch.int32
        code_VC = torch.zeros(v, levels, dtype=kind)
        if items is not None:
            value_NF = _of_run(run, items()) if run else _vectors(items(), features, text_dim, seed)
            code_NC = WAYS[by](value_NF, known_V[1:], codes=codes, size=size, seed=seed)
            before_N = collisions(code_NC)
            if digit:
                code_NC = torch.cat([code_NC, (before_N % size)[:, None]], 1)
            code_VC[1:] = code_NC.to(kind)
            _tell(code_VC, size, dim, same=int((before_N > 0).sum()), digit=digit)
        self.register_buffer("code_VC", code_VC)
        self.weight_RD = nn.Parameter(torch.randn(levels * size, dim) * std / math.sqrt(levels))

    def forward(self, history: History) -> Tensor:
        """Return the vectors ``x_BLD`` of its items; the padding id gives zeros."""
        item_N = history.item_BL.flatten()
        vector_ND = self._vectors(item_N) * (item_N > 0)[:, None]
        return self.dropout(vector_ND.view(*history.item_BL.shape, self.dim) * self.scale)

    def table(self) -> Tensor:
        """Return ``table_VD``; row 0 is the padding id.

        Where items without a training event score, no gradient reaches their codes.
        """
        item_N = torch.arange(1, len(self.code_VC), device=self.code_VC.device)
        table_VD = F.pad(self._vectors(item_N), (0, 0, 1, 0))
        if not self.training or self.warm_V[1:].all():
            return table_VD
        return torch.where(self.warm_V[:, None] > 0, table_VD, table_VD.detach())

    def codebooks(self) -> Tensor:
        """Return ``codebook_CKD``."""
        return self.weight_RD.view(-1, self.size, self.dim)

    def frozen(self) -> IdEmbedding:
        """Return an embedding of the same vectors in one table, which isn't computed again."""
        table_VD = self.table().detach().clone()
        made = IdEmbedding(n_items=len(table_VD) - 1, sparse=False, dim=self.dim)
        made.weight_VD, made.scale = nn.Parameter(table_VD), self.scale
        return made

    def _vectors(self, item_N: Tensor) -> Tensor:
        """Return the sums of the items' vectors of codes, (N, D)."""
        first_C = torch.arange(self.code_VC.shape[1], device=item_N.device) * self.size
        return F.embedding_bag(self.code_VC[item_N].long() + first_C, self.weight_RD, mode="sum")

    def _load_from_state_dict(self, state_dict: dict, prefix: str, *rest: Any) -> None:
        make_room(self, state_dict, prefix)
        super()._load_from_state_dict(state_dict, prefix, *rest)


def _vectors(table: pl.DataFrame, features: Any, text_dim: int, seed: int) -> Tensor:
    """Return a vector of each item's features, (n_items, F); each feature has the same weight."""
    draw = torch.Generator().manual_seed(seed)
    encoded = encode_features(table, features, text_dim=text_dim)
    parts = [_numbers(feature, text_dim, draw)[1:] for feature in encoded.values()]
    return torch.cat(
        [part / part.square().sum(1).mean().sqrt().clamp(min=1e-12) for part in parts], 1
    )


def _numbers(feature: Encoded, width: int, draw: torch.Generator) -> Tensor:
    """Return numbers as they are; of categories, the mean of random vectors of each."""
    if not isinstance(feature, Codes):
        return feature.value_VF
    width = min(width, feature.size)
    random_CF = torch.randn(feature.size + 1, width, generator=draw)
    return F.embedding_bag(feature.code_VM, random_CF, mode="mean", padding_idx=0)


def _of_run(run: str, table: pl.DataFrame) -> Tensor:
    """Return the rows of a finished run's item table, (n_items, F); zeros where it has none.

    Raises:
        DataError: the run has another embedding, or none of the items.
        RunError: it isn't a run, or is damaged.
    """
    folder = RunFolder.open(Path(run).expanduser())
    value_VF = folder.weights().get(TABLE)
    if value_VF is None:
        raise DataError(
            "the run has no table of item vectors to make codes of",
            where="embedding.run",
            todo="name a run that was trained with embedding=id",
        )
    own = folder.read_table("catalogue.parquet").filter("candidate").select("item", "index")
    row = table.select("item").join(own, on="item", how="left", maintain_order="left")["index"]
    if row.null_count() == len(row):
        raise DataError("the run knows none of these items", where="embedding.run")
    index_N = torch.from_numpy(row.fill_null(0).to_numpy().astype("int64"))
    return value_VF.float()[index_N] * (index_N > 0)[:, None]


def _tell(code_VC: Tensor, size: int, dim: int, *, same: int, digit: bool) -> None:
    """Say how large the table is, and how many items are like another one."""
    n, levels = len(code_VC) - 1, code_VC.shape[1]
    own = code_VC.nbytes + 4 * levels * size * dim
    apart = "kept apart by a digit" if digit else "with one vector for all of them"
    say(
        f"codes: {levels - digit} of {size} values; {own / 1e3:,.1f} kB instead of "
        f"{4 * (n + 1) * dim / 1e3:,.1f} kB for the table; {same:,} of {n:,} items have the codes "
        f"of another one, {apart}"
    )
