"""Weights as whole numbers of 8 or 4 bits, with a scale for each row."""

from typing import ClassVar, Literal

import torch
from torch import Tensor

from seqrec.compress._smaller import Calibration, Smaller, matrices
from seqrec.model import SequenceModel
from seqrec.run.packed import Packed, coded

CLIPS = 16  # scales that are tried for each row
LEAST = 0.5  # of the largest value of a row that the smallest scale still holds


class Quantize:
    """Store each row of a matrix as whole numbers and one scale, symmetric around 0.

    The scale is the best of a few by the squared error of the row (as in Nagel et al. 2021, section
    3.2). In the item table a column's error counts by how large queries are there on validation:
    this is the expected squared error of the scores.

    Args:
        table: bits of the item tables: 8 or 4; null: left as they are.
        layers: bits of the matrices of encoder and head; null: left as they are.
    """

    speed: ClassVar[str] = (
        "fewer bits bring no speed here: weights become float32 when they are loaded; what is "
        "saved is the disk"
    )

    def __init__(
        self, *, table: Literal[4, 8] | None = 8, layers: Literal[4, 8] | None = 8
    ) -> None:
        for key, bits in {"table": table, "layers": layers}.items():
            if bits not in (None, 4, 8):
                raise ValueError(f"{key}={bits} must be 8, 4 or null")
        self.table, self.layers = table, layers

    def __call__(self, model: SequenceModel, calibration: Calibration) -> Smaller:
        """Code the matrices of both groups."""
        query_ND = calibration.queries(model)
        power_D = query_ND.float().square().mean(0)
        names = matrices(model)
        return Smaller(
            {
                name: self._coded(value.detach(), of_table=names[name], power_D=power_D)
                if name in names
                else value.detach().clone()
                for name, value in model.state_dict().items()
            }
        )

    def _coded(self, weight: Tensor, *, of_table: bool, power_D: Tensor) -> Tensor | Packed:
        bits = self.table if of_table else self.layers
        if bits is None:
            return weight.clone()
        rows_RC = weight.flatten(1)
        fits = of_table and rows_RC.shape[1] == len(power_D)
        power_C = power_D if fits else torch.ones(rows_RC.shape[1])
        return coded(weight, best_scales(rows_RC, power_C, bits=bits), bits=bits)


def best_scales(row_RC: Tensor, power_C: Tensor, *, bits: int) -> Tensor:
    """Return ``scale_R`` of least ``sum_c power_c (row_c - scale round(row_c / scale))^2``."""
    most = 2 ** (bits - 1) - 1
    whole_R = row_RC.abs().amax(1).clamp(min=torch.finfo(row_RC.dtype).tiny * 2**10) / most
    best_R, least_R = whole_R, torch.full_like(whole_R, torch.inf)
    for part in torch.linspace(1, LEAST, CLIPS).tolist():
        scale_R = whole_R * part
        code_RC = (row_RC / scale_R[:, None]).round().clamp(-most, most)
        error_R = (row_RC - code_RC * scale_R[:, None]).square() @ power_C
        best_R = torch.where(error_R < least_R, scale_R, best_R)
        least_R = torch.minimum(error_R, least_R)
    return best_R
