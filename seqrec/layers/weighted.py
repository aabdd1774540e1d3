"""The mean over positions, weighted if the targets have weights."""

from torch import Tensor

from seqrec.shapes import Targets

LEAST = 1e-12  # sum of weights below which all count as none


def mean_over(loss_N: Tensor, targets: Targets) -> Tensor:
    """Return ``sum(w l) / sum(w)`` over the positions; without weights, the mean."""
    if targets.weight_N is None:
        return loss_N.mean()
    return (loss_N * targets.weight_N).sum() / targets.weight_N.sum().clamp(min=LEAST)
