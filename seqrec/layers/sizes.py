"""Modules with sizes that only the data knew: a checkpoint brings them back."""

import torch
from torch import Tensor, nn


def make_room(module: nn.Module, state_dict: dict[str, Tensor], prefix: str) -> None:
    """Give a module's own buffers and parameters the shapes that a checkpoint has.

    To be called from the module's ``_load_from_state_dict``.
    """
    for name, own in [*module._buffers.items(), *module._parameters.items()]:
        saved = state_dict.get(f"{prefix}{name}")
        if saved is None or (own is not None and own.shape == saved.shape):
            continue
        room = torch.empty_like(saved, device=None if own is None else own.device)
        setattr(module, name, room if name in module._buffers else nn.Parameter(room))
