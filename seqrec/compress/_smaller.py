"""What makes a model smaller is given, and what it returns."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import torch
from torch import Tensor

from seqrec.model import SequenceModel
from seqrec.run.packed import Packed
from seqrec.shapes import EvalBatch

TABLES = ("embedding", "scorer")  # parts of a model whose matrices may have a row for each item


@dataclass(frozen=True)
class Calibration:
    """Histories that say what matters to a model, and what followed each: validation events.

    Args:
        batches: of histories with their targets.
        candidate_V: items that may be ranked; None: all.
    """

    batches: Sequence[EvalBatch]
    candidate_V: Tensor | None = None

    @torch.no_grad()
    def queries(self, model: SequenceModel) -> Tensor:
        """Return ``query_ND`` of all histories."""
        return torch.cat([model.query(batch.history, self.candidate_V) for batch in self.batches])

    def losses(self, model: SequenceModel) -> Iterator[Tensor]:
        """Yield the mean cross-entropy of each batch's targets over the catalogue."""
        for batch in self.batches:
            query_BD, catalogue = model.query(batch.history, self.candidate_V), model.catalogue()
            score_BV = catalogue.block(query_BD, 1, len(catalogue))
            yield torch.nn.functional.cross_entropy(score_BV, batch.target_B - 1)


@dataclass(frozen=True)
class Smaller:
    """A model with fewer bytes.

    Args:
        state: its weights by name, some packed (:mod:`seqrec.run.packed`).
        changes: what the configuration of the model has to say now, by dotted key.
    """

    state: dict[str, Tensor | Packed]
    changes: dict[str, Any] = field(default_factory=dict)


class Compress(Protocol):
    """Makes the weights of a model smaller; the model itself stays as it is.

    It draws nothing, and the weights depend on the model and the calibration alone.
    """

    speed: ClassVar[str]  # what it does to the time of a request, in words

    def __call__(self, model: SequenceModel, calibration: Calibration) -> Smaller:
        """Return the smaller weights.

        Raises:
            ConfigError: it can't make this model smaller.
        """
        ...


def matrices(model: SequenceModel) -> dict[str, bool]:
    """Return the names of all parameters with rows, and whether they belong to the item tables."""
    return {
        name: name.partition(".")[0] in TABLES
        for name, parameter in model.named_parameters()
        if parameter.dim() >= 2
    }
