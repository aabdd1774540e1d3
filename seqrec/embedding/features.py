"""Item vectors made of an id and of the item's features."""

import math
import re
from collections.abc import Callable
from typing import Any, ClassVar, Literal

import polars as pl
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seqrec.embedding.id import IdEmbedding
from seqrec.features.columns import encode_features
from seqrec.features.encoded import Codes, Encoded
from seqrec.layers.dropout import Dropout
from seqrec.layers.sizes import make_room
from seqrec.shapes import History


class Feature(nn.Module):
    """One feature of all items as vectors: the mean over its codes, or a linear map of its numbers.

    Args:
        encoded: the feature; None: it comes from a checkpoint.
        dim: width D.
        std: standard deviation of the initial vectors.
    """

    code_VM: Tensor
    value_VF: Tensor

    def __init__(self, encoded: Encoded | None, *, dim: int, std: float) -> None:
        super().__init__()
        self.register_buffer("code_VM", torch.zeros(0, 0, dtype=torch.int32))
        self.register_buffer("value_VF", torch.zeros(0, 0))
        self.weight_CD: nn.Parameter | None
        self.weight_FD: nn.Parameter | None
        self.register_parameter("weight_CD", None)  # the kind needs one of the two
        self.register_parameter("weight_FD", None)
        if isinstance(encoded, Codes):
            self.code_VM = encoded.code_VM
            self.weight_CD = nn.Parameter(torch.randn(encoded.size + 1, dim) * std)
        elif encoded is not None:
            self.value_VF = encoded.value_VF
            width = encoded.value_VF.shape[1]
            self.weight_FD = nn.Parameter(torch.randn(width, dim) * std / math.sqrt(width))

    def forward(self) -> Tensor:
        """Return ``vector_VD``; zeros for items without the feature, and for the padding id."""
        if self.weight_CD is not None:
            return F.embedding_bag(self.code_VM, self.weight_CD, mode="mean", padding_idx=0)
        assert self.weight_FD is not None, "neither encoded from a table nor loaded"
        return self.value_VF @ self.weight_FD

    def _load_from_state_dict(self, state_dict: dict, prefix: str, *rest: Any) -> None:
        make_room(self, state_dict, prefix)
        super()._load_from_state_dict(state_dict, prefix, *rest)


class FeatureEmbedding(nn.Module):
    """Vectors made of ids and features of items; a tied scorer's table is made of both, too.

    An item without a training event has no id vector, only its features; and as training never
    offers it as a real alternative, a full softmax doesn't push these away from what users like.

    Args:
        n_items: items without the padding id; the table has ``V = n_items + 1`` rows.
        item_count_V: training events of each item.
        items: returns the item table; None: the features come from a checkpoint.
        dim: width D.
        features: names of columns, or ``{name: how}``, or ``all``: see
            :func:`~seqrec.features.columns.encode_features`.
        join: ``concat``: a linear map of all vectors side by side, at first their sum; ``sum``;
            ``gate``: ``g * id + (1 - g) * features``, g from both, for each component.
        item_id: False leaves the id out, for a pure content model.
        text_dim: width of the vectors of texts.
        dropout: share of the components of an input vector set to zero while training.
        scale: multiply inputs by ``sqrt(D)``, as :class:`~seqrec.embedding.id.IdEmbedding` does.
        std: standard deviation of the initial vectors; null: Xavier, ``sqrt(2 / (V + D))``.
        id_std: that of the ids' vectors; null: as `std`. A small one lets training begin with what
            the features say, and leaves each item a free part of its own.
        cache_dir: where vectors that are trained beforehand, of a graph, are kept between runs.
    """

    has_sparse_gradients: ClassVar[bool] = False
    has_codes: ClassVar[bool] = False
    meaning: ClassVar[dict[str, str]] = {"cache_dir": "place"}
    warm_V: Tensor

    def __init__(
        self,
        *,
        n_items: int,
        item_count_V: Tensor | None,
        items: Callable[[], pl.DataFrame] | None,
        dim: int,
        features: list[str | dict[str, Any]] | Literal["all"] = "all",
        join: Literal["concat", "sum", "gate"] = "concat",
        item_id: bool = True,
        text_dim: int = 64,
        dropout: float = 0.0,
        scale: bool = True,
        std: float | None = None,
        id_std: float | None = None,
        cache_dir: str | None = None,
    ) -> None:
        super().__init__()
        if id_std is not None and id_std < 0:
            raise ValueError(f"embedding.id_std={id_std} must be at least 0")
        if join == "gate" and not item_id:
            raise ValueError("join=gate weighs the id against the features: item_id must be true")
        v = n_items + 1
        std = math.sqrt(2 / (v + dim)) if std is None else std
        encoded = (
            {}
            if items is None
            else encode_features(items(), features, text_dim=text_dim, cache_dir=cache_dir)
        )
        self.dim, self.scale = dim, math.sqrt(dim) if scale else 1.0
        self.dropout = Dropout(dropout)
        warm_V = torch.ones(v) if item_count_V is None else (item_count_V > 0).float()
        self.register_buffer("warm_V", warm_V)
        own = std if id_std is None else id_std
        self.weight_VD = nn.Parameter(torch.randn(v, dim) * own) if item_id else None
        self.features = nn.ModuleDict(
            {
                _module_name(at, name): Feature(feature, dim=dim, std=std)
                for at, (name, feature) in enumerate(encoded.items())
            }
        )
        self.weight_ED: nn.Parameter | None
        self.register_parameter("weight_ED", None)
        if join == "concat" and encoded:
            self.weight_ED = nn.Parameter(torch.eye(dim).repeat(len(encoded) + item_id, 1))
        self.gate = nn.Linear(2 * dim, dim) if join == "gate" else None

    def forward(self, history: History) -> Tensor:
        """Return the vectors ``x_BLD`` of its items; the padding id gives zeros."""
        x_BLD = F.embedding(history.item_BL, self.table(), padding_idx=0)
        return self.dropout(x_BLD * self.scale)

    def summands(self, history: History) -> dict[str, Tensor]:
        """Return the vectors that a call sums in evaluation mode: ``item``, ``item.<feature>``.

        With ``join: gate``, the gates are those of the whole: each weighs its part.
        """
        return {
            name: F.embedding(history.item_BL, table_VD) * self.scale
            for name, table_VD in self._tables().items()
        }

    def table(self) -> Tensor:
        """Return ``table_VD``; row 0 is the padding id."""
        table_VD = self._joined()
        if not self.training or self.warm_V.all():
            return table_VD
        return torch.where(self.warm_V[:, None] > 0, table_VD, table_VD.detach())

    def frozen(self) -> IdEmbedding:
        """Return an embedding of the same vectors in one table, which isn't computed again."""
        table_VD = self.table().detach().clone()
        made = IdEmbedding(n_items=len(table_VD) - 1, sparse=False, dim=self.dim)
        made.weight_VD, made.scale = nn.Parameter(table_VD), self.scale
        return made

    def _joined(self) -> Tensor:
        parts = [feature() for feature in self.features.values()]
        id_VD = None if self.weight_VD is None else self.weight_VD * self.warm_V[:, None]
        if self.gate is not None and id_VD is not None:
            features_VD = torch.stack(parts).sum(0)
            gate_VD = self.gate(torch.cat([id_VD, features_VD], dim=1)).sigmoid()
            return gate_VD * id_VD + (1 - gate_VD) * features_VD
        parts = parts if id_VD is None else [id_VD, *parts]
        if self.weight_ED is not None:
            return torch.cat(parts, dim=1) @ self.weight_ED
        return torch.stack(parts).sum(0)

    def _tables(self) -> dict[str, Tensor]:
        """Return the tables that :meth:`_joined` is the sum of, by name."""
        names = [f"item.{name.partition('_')[2]}" for name in self.features]
        parts = [feature() for feature in self.features.values()]
        if self.weight_VD is not None:
            names, parts = ["item", *names], [self.weight_VD * self.warm_V[:, None], *parts]
        if self.gate is not None:
            both_VE = torch.cat([parts[0], torch.stack(parts[1:]).sum(0)], dim=1)
            gate_VD = self.gate(both_VE).sigmoid()
            parts = [gate_VD * parts[0], *((1 - gate_VD) * part for part in parts[1:])]
        if self.weight_ED is not None:
            blocks = self.weight_ED.split(self.dim)
            parts = [part @ block_DD for part, block_DD in zip(parts, blocks, strict=True)]
        return dict(zip(names, parts, strict=True))

    def _load_from_state_dict(self, state_dict: dict, prefix: str, *rest: Any) -> None:
        make_room(self, state_dict, prefix)
        inner = f"{prefix}features."
        for name in dict.fromkeys(
            key.removeprefix(inner).rpartition(".")[0]
            for key in state_dict
            if key.startswith(inner)
        ):
            if name not in self.features:
                self.features[name] = Feature(None, dim=self.dim, std=0.0)
        super()._load_from_state_dict(state_dict, prefix, *rest)


def _module_name(at: int, column: str) -> str:
    """Return a name that torch accepts: without dots, and different from its own."""
    return f"{at}_" + re.sub(r"\W", "_", column)
