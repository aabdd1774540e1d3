"""Weights of a model whose parameters are shuffled: they should have nothing to do with its own.

It is the parameter randomisation test of Adebayo et al. 2018, "Sanity Checks for Saliency Maps".
Passing it isn't enough: a method may depend on the parameters and still say nothing of the score.
"""

import copy

import torch
from torch import nn

from seqrec.explain.crowd import Crowd
from seqrec.model import SequenceModel

PARTS = {"head": ("head",), "encoder": ("encoder",), "table": ("embedding", "scorer")}
MOST = 0.2  # |rank correlation| from which a method doesn't depend on a part


def randomised(crowd: Crowd, *, seed: int) -> dict[str, Crowd]:
    """Return the same users and targets for copies of the model with one part shuffled.

    Every tensor of the part keeps its values, in another order, so scales stay as they are.

    Returns:
        By part: ``head``, ``encoder`` or ``table`` (of the items); parts without parameters are
        left out, and a baseline has none.
    """
    if not isinstance(crowd.model, SequenceModel):
        return {}
    made = {}
    for part, modules in PARTS.items():
        model = copy.deepcopy(crowd.model)
        parameters = [p for name in modules for p in getattr(model, name).parameters()]
        if any(p.unique().numel() > 1 for p in parameters):
            _shuffle(parameters, seed)
            made[part] = crowd.of(model)
    return made


@torch.no_grad()
def _shuffle(parameters: list[nn.Parameter], seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    for parameter in parameters:
        order = torch.randperm(parameter.numel(), generator=generator)
        parameter.copy_(parameter.flatten()[order].view_as(parameter))
