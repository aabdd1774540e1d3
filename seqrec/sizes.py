"""Modules with sizes that only the data knew: a checkpoint brings them back."""

import torch
from torch import Tensor, nn


def make_room(module: nn.Module, state_dict: dict[str, Tensor], prefix: str) -> None:
    """Give a module's own buffers and parameters the shapes that a checkpoint has.

    To be called from the module's ``_load_from_state_dict``.
    """
    for name in module._buffers:
        if f"{prefix}{name}" in state_dict:
            setattr(module, name, torch.empty_like(state_dict[f"{prefix}{name}"]))
    for name, own in module._parameters.items():
        saved = state_dict.get(f"{prefix}{name}")
        if saved is not None and (own is None or own.shape != saved.shape):
            setattr(module, name, nn.Parameter(torch.empty_like(saved)))
