"""Additive attention, the formula of the paper (Bahdanau et al. 2015, without a query).

``e_s = v^T tanh(W h_s + b)``, ``alpha_s = softmax_{s <= t}(e)_s``, ``S_t = sum_s alpha_s h_s``
"""

import torch
from torch import Tensor, nn

from seqrec.head.join import Join
from seqrec.types import position_mask


class Additive(nn.Module):
    """Weigh the positions of every prefix by a learned score of each.

    A position's score doesn't depend on the prefix, so the summaries of all prefixes are one
    running softmax: O(L) work, nothing encoded twice.

    Args:
        dim: width D.
        hidden: width of the score's hidden layer; null: D.
        concat: join ``S_t`` with ``h_t`` (see :class:`~seqrec.head.join.Join`).
    """

    def __init__(self, *, dim: int, hidden: int | None = None, concat: bool = True) -> None:
        super().__init__()
        hidden = dim if hidden is None else hidden
        self.hidden = nn.Linear(dim, hidden)
        self.score = nn.Linear(hidden, 1, bias=False)
        self.join = Join(dim=dim, concat=concat)

    def forward(self, h_BLD: Tensor) -> Tensor:
        """``h_BLD -> u_BLD``."""
        summary_BLD = running_softmax(self._scores(h_BLD), h_BLD)
        return self.join(h_BLD, summary_BLD)

    def weights(self, h_BLD: Tensor, position_B: Tensor) -> Tensor:
        """``alpha_BL`` of the prefix that ends at each position."""
        mask_BL = position_mask(position_B + 1, h_BLD.shape[1])
        return self._scores(h_BLD).float().masked_fill(~mask_BL, -torch.inf).softmax(dim=-1)

    def _scores(self, h_BLD: Tensor) -> Tensor:
        return self.score(torch.tanh(self.hidden(h_BLD))).squeeze(-1)


def running_softmax(e_BL: Tensor, h_BLD: Tensor, *, chunk: int = 64) -> Tensor:
    """Softmax-weighted mean of every prefix: ``S_t = sum_{s<=t} softmax_{s<=t}(e)_s h_s``.

    Exact at any spread of the scores: each prefix is scaled by its own maximum. Within a chunk the
    prefixes are one small matrix product; from chunk to chunk only (maximum, numerator,
    denominator) are carried, so time and memory grow with ``L * chunk``, not with ``L * L``.

    Args:
        e_BL: scores; computed with in float32.
        h_BLD: values.
        chunk: positions handled at once.

    Returns:
        ``S_BLD`` in the type of `h_BLD`.
    """
    with torch.autocast(e_BL.device.type, enabled=False):
        return _running_softmax(e_BL.float(), h_BLD.float(), chunk).to(h_BLD.dtype)


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
