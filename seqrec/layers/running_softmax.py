"""Softmax-weighted means of every prefix, or of one prefix of each sequence."""

import torch
from torch import Tensor

from seqrec.layers.read_out import weighted_sum
from seqrec.shapes import position_mask


def running_softmax(e_BL: Tensor, h_BLD: Tensor, *, chunk: int = 64) -> Tensor:
    """Return ``S_t = sum_{s<=t} softmax_{s<=t}(e)_s h_s`` for every prefix.

    Exact for any range of scores: each prefix is scaled by its own maximum. Within a chunk the
    prefixes are one small matrix product; from chunk to chunk only (maximum, numerator,
    denominator) are carried over, so time and memory grow with ``L * chunk``, not ``L * L``.

    Args:
        e_BL: scores; cast to float32.
        h_BLD: values.
        chunk: positions processed at once.

    Returns:
        ``S_BLD`` in the type of `h_BLD`.
    """
    with torch.autocast(e_BL.device.type, enabled=False):
        return _running_softmax(e_BL.float(), h_BLD.float(), chunk).to(h_BLD.dtype)


def softmax_mean(e_BL: Tensor, h_BLD: Tensor, position_B: Tensor) -> Tensor:
    """Return :func:`running_softmax` at one position of each sequence, ``S_BD``; can be exported.

    As in that function, sums are divided by the sum of the weights; results differ by rounding.
    """
    mask_BL = position_mask(position_B + 1, h_BLD.shape[1])
    e_BL = e_BL.float().masked_fill(~mask_BL, -torch.inf)
    w_BL = (e_BL - e_BL.amax(1, keepdim=True)).exp()
    return (weighted_sum(w_BL, h_BLD.float()) / w_BL.sum(1, keepdim=True)).to(h_BLD.dtype)


def _running_softmax(e_BL: Tensor, h_BLD: Tensor, chunk: int) -> Tensor:
    summaries = []
    peak_B1 = num_B1D = den_B1 = None
    for e_BC, h_BCD in zip(e_BL.split(chunk, 1), h_BLD.split(chunk, 1), strict=True):
        peak_BC = e_BC.detach().cummax(dim=1).values
        if peak_B1 is not None:
            peak_BC = torch.maximum(peak_BC, peak_B1)
        above = torch.ones(e_BC.shape[1], e_BC.shape[1], dtype=torch.bool, device=e_BC.device)
        logit_BCC = (e_BC[:, None, :] - peak_BC[:, :, None]).masked_fill(above.triu(1), -torch.inf)
        w_BCC = logit_BCC.exp()
        num_BCD, den_BC = w_BCC @ h_BCD, w_BCC.sum(-1)
        if peak_B1 is not None:
            decay_BC = (peak_B1 - peak_BC).exp()
            num_BCD = num_BCD + decay_BC[..., None] * num_B1D
            den_BC = den_BC + decay_BC * den_B1
        summaries.append(num_BCD / den_BC[..., None])
        peak_B1, num_B1D, den_B1 = peak_BC[:, -1:], num_BCD[:, -1:], den_BC[:, -1:]
    return torch.cat(summaries, dim=1)
