"""Concatenation of encoder output and attention summary."""

import torch
from torch import Tensor, nn


class Join(nn.Module):
    """``u = W [h ; S] + b`` with ``concat``, else the attention summary alone: ``u = S``.

    Initially ``u = h``, as without attention, and training learns what the summary adds. With a
    random initialisation ``u`` starts far from every item, and many models never recover.

    Args:
        dim: width D of both inputs.
        concat: join the encoder's output at the position with the summary of its prefix.
    """

    def __init__(self, *, dim: int, concat: bool) -> None:
        super().__init__()
        self.project = nn.Linear(2 * dim, dim) if concat else None
        if self.project is not None:
            nn.init.eye_(self.project.weight)
            nn.init.zeros_(self.project.bias)

    def forward(self, h_BLD: Tensor, summary_BLD: Tensor) -> Tensor:
        """Map ``h_BLD, summary_BLD -> u_BLD``."""
        if self.project is None:
            return summary_BLD
        return self.project(torch.cat([h_BLD, summary_BLD], dim=-1))
