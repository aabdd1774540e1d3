"""Restoring modules whose sizes depend on the data."""

import torch
from torch import Tensor, nn


def make_room(module: nn.Module, state_dict: dict[str, Tensor], prefix: str) -> None:
    """Resize a module's own buffers and parameters to the shapes in a checkpoint.

    Call it from the module's ``_load_from_state_dict``.
    """
    for name, own in [*module._buffers.items(), *module._parameters.items()]:
        saved = state_dict.get(f"{prefix}{name}")
        if saved is None or (own is not None and own.shape == saved.shape):
            continue
        room = torch.empty_like(saved, device=None if own is None else own.device)
        setattr(module, name, room if name in module._buffers else nn.Parameter(room))
