"""Weights of a checkpoint in fewer bytes: codes of a few bits for each row, or zeros left out.

A packed tensor is a dict of tensors and plain values in the place of the tensor, so a checkpoint
with some is read like any other, and :func:`unpacked` gives the weights back.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

Packed = dict[str, Any]


def coded(weight: Tensor, scale_R: Tensor, *, bits: int) -> Packed:
    """Pack a tensor of R rows as ``round(weight / scale)``, whole numbers of 4 or 8 bits.

    Args:
        weight: (R, ...), float.
        scale_R: the value of a code of 1, for each row.
        bits: 8, or 4 for two codes in a byte.
    """
    most = 2 ** (bits - 1) - 1
    row_RC = weight.detach().flatten(1) / scale_R[:, None]
    code_RC = row_RC.round().clamp(-most, most).to(torch.int8)
    if bits == 4:
        code_RC = _halves(code_RC)
    shape = list(weight.shape)
    return {"form": "codes", "bits": bits, "shape": shape, "code": code_RC, "scale": scale_R}


def sparse(weight: Tensor) -> Packed:
    """Pack a tensor as a bit for each value, which says if it is zero, and the others."""
    flat = weight.detach().flatten()
    there, shape = flat != 0, list(weight.shape)
    bit = torch.zeros((len(flat) + 7) // 8 * 8, dtype=torch.uint8)
    bit[: len(flat)] = there
    mask = (bit.view(-1, 8) << torch.arange(8, dtype=torch.uint8)).sum(1, dtype=torch.uint8)
    return {"form": "sparse", "shape": shape, "mask": mask, "value": flat[there].clone()}


def unpacked(state: Mapping[str, Tensor | Packed]) -> dict[str, Tensor]:
    """Return the weights by name, all as tensors.

    Raises:
        ValueError: one is packed in a way that isn't known.
    """
    return {
        name: _unpacked(value) if isinstance(value, dict) else value
        for name, value in state.items()
    }


def _unpacked(packed: Packed) -> Tensor:
    try:
        form, shape = packed["form"], packed["shape"]
        if form == "sparse":
            bit = (packed["mask"][:, None] >> torch.arange(8, dtype=torch.uint8)) & 1
            weight = torch.zeros(torch.Size(shape).numel(), dtype=packed["value"].dtype)
            weight[bit.flatten()[: len(weight)].bool()] = packed["value"]
            return weight.view(shape)
        if form == "codes":
            code_RC, rows = packed["code"], shape[0]
            if packed["bits"] == 4:
                code_RC = _whole(code_RC, torch.Size(shape).numel() // rows)
            return (code_RC * packed["scale"][:, None]).view(shape)
    except (KeyError, TypeError, IndexError, RuntimeError, AttributeError) as error:
        raise ValueError(f"a packed tensor is malformed: {error}") from error
    raise ValueError(f"a tensor is packed as {form}, which isn't known")


def _halves(code_RC: Tensor) -> Tensor:
    """Put two codes from -7 to 7 into each byte; a row of odd length ends with a zero."""
    even_RC = torch.nn.functional.pad(code_RC, (0, code_RC.shape[1] % 2)) + 8
    low, high = even_RC.view(len(code_RC), -1, 2).to(torch.uint8).unbind(2)
    return low | (high << 4)


def _whole(byte_RH: Tensor, columns: int) -> Tensor:
    """Take the codes out of the bytes."""
    pair_RH2 = torch.stack([byte_RH & 15, byte_RH >> 4], dim=2)
    return (pair_RH2.flatten(1)[:, :columns].to(torch.int8)) - 8
