"""First-order linear recurrences, ``h_t = a_t h_{t-1} + b_t``, of gated and of linear RNNs."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def scan(a_BLH: Tensor, b_BLH: Tensor, *, longest: int) -> Tensor:
    """Return ``h_BLH`` with ``h_t = a_t h_{t-1} + b_t``, from ``h_{-1} = 0``, in float32.

    A loop over the positions, one fused product and sum each, and another for the gradients, which
    follow the same recurrence backwards. On a CPU that is several times as fast as a parallel scan.
    While the model is compiled or exported, it is ``log2 longest`` steps over all positions
    instead, each of which composes stretches of twice the length (Hillis and Steele 1986).

    Args:
        a_BLH: factors.
        b_BLH: inputs.
        longest: positions that a compiled or exported model reaches back.
    """
    with torch.autocast(a_BLH.device.type, enabled=False):
        a_BLH, b_BLH = a_BLH.float(), b_BLH.float()
        if torch.compiler.is_compiling():
            return _doubled(a_BLH, b_BLH, longest)
        a_LBH, b_LBH = a_BLH.transpose(0, 1).contiguous(), b_BLH.transpose(0, 1).contiguous()
        h_LBH: Tensor = _Scan.apply(a_LBH, b_LBH)
        return h_LBH.transpose(0, 1)


class _Scan(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor) -> Tensor:
        h, before = b.clone(), None
        for a_t, h_t in zip(a.unbind(0), h.unbind(0), strict=True):
            if before is not None:
                h_t.addcmul_(a_t, before)
            before = h_t
        ctx.save_for_backward(a, h)
        return h

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        a, h = ctx.saved_tensors
        grad_b = grad.clone(memory_format=torch.contiguous_format)
        after = None
        steps = list(zip(a.unbind(0), grad_b.unbind(0), strict=True))
        for a_t, grad_t in reversed(steps):
            if after is not None:
                grad_t.addcmul_(*after)
            after = (a_t, grad_t)
        grad_a = torch.zeros_like(a)
        torch.mul(grad_b[1:], h[:-1], out=grad_a[1:])
        return grad_a, grad_b


def _doubled(a_BLH: Tensor, b_BLH: Tensor, longest: int) -> Tensor:
    width, reach = a_BLH.shape[1], 1
    while reach < longest:
        earlier_BLH = torch.nn.functional.pad(b_BLH, (0, 0, reach, 0))[:, :width]
        b_BLH = b_BLH + a_BLH * earlier_BLH
        a_BLH = a_BLH * torch.nn.functional.pad(a_BLH, (0, 0, reach, 0))[:, :width]
        reach *= 2
    return b_BLH
