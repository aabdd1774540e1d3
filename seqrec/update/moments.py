"""What an optimizer knows of its gradients, carried over to a model with more items and users."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from seqrec.model import SequenceModel
from seqrec.training.carry import Carry
from seqrec.update.transfer import Before

Moments = dict[str, dict[str, Any]]  # by the name of a weight: what an optimizer has of it


def moments_of(checkpoint: Mapping[str, Any], model: SequenceModel) -> Moments:
    """Return what the optimizer of a checkpoint has of each trained weight of its model.

    Nothing, if the checkpoint has no optimizer, as that of a compressed run, or one that keeps
    something else than tensors like the weights and single numbers.
    """
    states = checkpoint.get("optimizer_states") or [{"state": {}}]
    trained = [(name, weight) for name, weight in model.named_parameters() if weight.requires_grad]
    moments = {}
    for at, (name, weight) in enumerate(trained):
        state = states[0]["state"].get(at, {})
        if any(value.shape != weight.shape for value in state.values() if _is_table(value)):
            return {}
        if state:
            moments[name] = state
    return moments


def grown_moments(
    moments: Moments, before: Before, model: SequenceModel, carries: Mapping[str, Carry]
) -> Moments:
    """Return the moments of a grown model.

    Rows of users and categories go where their weights go. A new item has the mean of those that
    the run trained on, so its row moves as readily as theirs.

    Args:
        moments: of the run before, as from :func:`moments_of`.
        before: that run.
        model: the grown model.
        carries: how tables go over whose rows don't simply follow the items, by name.
    """

    def grown(name: str, value: Any) -> Any:
        if not _is_table(value):
            return value
        weight = model.get_parameter(name)
        if name in carries:
            return carries[name](value, torch.zeros_like(weight))
        if len(weight) == len(value):
            return value
        mean = value[before.known_V].mean(0)
        return torch.cat([value, mean.expand(len(weight) - len(value), *mean.shape)])

    return {
        name: {key: grown(name, value) for key, value in state.items()}
        for name, state in moments.items()
    }


def warm(optimizer: Optimizer, model: SequenceModel, moments: Moments) -> None:
    """Let an optimizer that has made no step begin with `moments`."""
    for name, state in moments.items():
        optimizer.state[model.get_parameter(name)] = state


def _is_table(value: Any) -> bool:
    """Return whether a value is more than a single number."""
    return isinstance(value, Tensor) and value.dim() > 0
