"""The smallest weights become zero (Han et al. 2015)."""

from collections.abc import Iterable
from typing import ClassVar

import torch
from torch import Tensor

from seqrec.compress._smaller import Calibration, Smaller, matrices
from seqrec.errors import ConfigError
from seqrec.model import SequenceModel
from seqrec.run.packed import sparse


class Prune:
    """Set the weights of smallest absolute value to zero, over all matrices of the layers at once.

    Zeros are left out on the disk: a bit says where they are. Of the item table, which is most of
    a model, a share of its own is pruned.

    Args:
        share: of the weights of encoder and head that become zero.
        table: the same of the item tables.
    """

    speed: ClassVar[str] = (
        "zeros bring no speed: matrices are multiplied whole; what is saved is the disk"
    )
    bounds: ClassVar[dict[str, tuple[float, float]]] = {"share": (0, 1), "table": (0, 1)}

    def __init__(self, *, share: float = 0.5, table: float = 0.0) -> None:
        self.share, self.table = share, table

    def __call__(self, model: SequenceModel, calibration: Calibration) -> Smaller:
        """Prune both groups, each by one threshold; the calibration isn't looked at."""
        state = {name: value.detach().clone() for name, value in model.state_dict().items()}
        groups: dict[bool, list[str]] = {False: [], True: []}
        for name, of_table in matrices(model).items():
            groups[of_table].append(name)
        if self.share and not groups[False]:
            raise ConfigError(
                "this model has no matrices but its item table",
                where=f"share={self.share}",
                todo="set share=0 table=0.5, say",
            )
        packed: set[str] = set()
        for share, names in ((self.share, groups[False]), (self.table, groups[True])):
            if share and names:
                zero_smallest([state[name] for name in names], share)
                packed |= {name for name in names if _worth_it(state[name])}
        return Smaller({k: sparse(v) if k in packed else v for k, v in state.items()})


def zero_smallest(weights: Iterable[Tensor], share: float) -> None:
    """Set a share of all values to zero, in place, the smallest first; of equals the first."""
    weights = list(weights)
    size = torch.cat([weight.abs().flatten() for weight in weights])
    keep = torch.ones(len(size), dtype=torch.bool)
    keep[size.argsort(stable=True)[: round(share * len(size))]] = False
    for weight, part in zip(weights, keep.split([w.numel() for w in weights]), strict=True):
        weight *= part.view(weight.shape)


def _worth_it(weight: Tensor) -> bool:
    """Return whether there are zeros enough to pay for the bits that say where they are."""
    return int((weight == 0).sum()) * weight.element_size() * 8 > weight.numel()
