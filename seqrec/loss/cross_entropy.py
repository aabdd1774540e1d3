"""Exact softmax cross-entropy over the full catalogue."""

from typing import ClassVar, Literal

from torch import Tensor, nn

from seqrec.catalogue import Catalogue
from seqrec.errors import ConfigError
from seqrec.home import install
from seqrec.layers import liger_cross_entropy as liger
from seqrec.layers.linear_cross_entropy import chunk_rows, linear_cross_entropy, row_bytes
from seqrec.layers.sharded_catalogue import ShardedCatalogue
from seqrec.layers.sharded_cross_entropy import sharded_cross_entropy
from seqrec.shapes import Negatives, Targets


class CrossEntropy(nn.Module):
    """``-log softmax(score(q, .))[target]`` over all items, without N x V scores in memory.

    Args:
        label_smoothing: share of a target's weight that is spread evenly over all items, from 0
            to less than 1 (Szegedy et al. 2016, section 7).
        temperature: divides the scores.
        memory_mb: maximum MiB of scores held at once; null: 64, or what 128 positions take. It
            changes speed, not results.
        kernel: ``torch`` runs anywhere; ``liger`` is Liger's Triton kernel for GPUs, from the
            extra ``seqrec[cuda]``; ``auto`` uses it on a CUDA device if it is installed, but for
            targets that have weights, which it can't weigh.
    """

    needs_negatives: ClassVar[bool] = False
    has_negative_terms: ClassVar[bool] = False
    needs_ratings: ClassVar[bool] = False
    needs_vectors: ClassVar[bool] = True
    takes_shards: ClassVar[bool] = True
    meaning: ClassVar[dict[str, str]] = {"memory_mb": "speed"}

    def __init__(
        self,
        *,
        label_smoothing: float = 0.0,
        temperature: float = 1.0,
        memory_mb: float | None = None,
        kernel: Literal["auto", "torch", "liger"] = "auto",
    ) -> None:
        super().__init__()
        if not 0 <= label_smoothing < 1:
            raise ValueError(f"loss.label_smoothing={label_smoothing} must be in 0 <= . < 1")
        if not temperature > 0:
            raise ValueError(f"loss.temperature={temperature} must be above 0")
        if memory_mb is not None and not memory_mb > 0:
            raise ValueError(f"loss.memory_mb={memory_mb} must be above 0, or null")
        if kernel == "liger" and not liger.installed():
            raise ValueError(f"loss.kernel=liger needs liger-kernel: {install('cuda')}")
        self.label_smoothing, self.temperature = label_smoothing, temperature
        self.memory_mb, self.kernel = memory_mb, kernel

    def forward(
        self, query_ND: Tensor, targets: Targets, catalogue: Catalogue, negatives: Negatives | None
    ) -> Tensor:
        """Return the mean loss, a float32 scalar.

        Raises:
            ConfigError: ``liger`` was chosen, and the targets have weights.
        """
        if isinstance(catalogue, ShardedCatalogue):
            return sharded_cross_entropy(
                query_ND,
                targets,
                catalogue,
                label_smoothing=self.label_smoothing,
                temperature=self.temperature,
                memory_mb=self.memory_mb,
            )
        on_cuda, weighted = query_ND.device.type == "cuda", targets.weight_N is not None
        if weighted and self.kernel == "liger":
            raise ConfigError(
                "Liger's kernel doesn't weigh positions, and this objective does",
                where="loss.kernel=liger",
                todo="use loss.kernel=auto, or objective=next_item",
            )
        auto = self.kernel == "auto" and on_cuda and not weighted and liger.installed()
        if self.kernel == "liger" or auto:
            return liger.linear_cross_entropy(
                query_ND,
                catalogue.table_VD,
                targets.item_N,
                catalogue.bias_V,
                label_smoothing=self.label_smoothing,
                temperature=self.temperature,
            )
        return linear_cross_entropy(
            query_ND,
            catalogue.table_VD,
            targets.item_N,
            catalogue.bias_V,
            label_smoothing=self.label_smoothing,
            temperature=self.temperature,
            memory_mb=self.memory_mb,
            weight_N=targets.weight_N,
        )

    def scores_bytes(self, n_items: int, device_type: str, *, half: bool) -> int:
        """Return the bytes of scores that are held at once.

        Args:
            n_items: items without the padding id.
            device_type: ``cpu``, ``cuda``, ...
            half: whether products are computed in 16 bits.
        """
        rows = chunk_rows(n_items + 1, device_type, self.memory_mb, half)
        return rows * row_bytes(n_items + 1, half)
