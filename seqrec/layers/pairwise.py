"""Additive scores of a query with every earlier position, without softmax (NARM, STAMP)."""

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from seqrec.shapes import position_mask


def pairwise_scores(query_BTD: Tensor, key_BLD: Tensor, v_D: Tensor) -> Tensor:
    """Return ``e_ts = v . sigmoid(query_t + key_s)``, of shape (B, T, L)."""
    return torch.sigmoid(query_BTD[:, :, None] + key_BLD[:, None]) @ v_D


def prefix_scores(query_BD: Tensor, key_BLD: Tensor, v_D: Tensor, position_B: Tensor) -> Tensor:
    """Return ``e_BL`` of one query per sequence, 0 beyond each position; can be exported."""
    gate_BLD = torch.sigmoid(query_BD[:, None] + key_BLD)
    e_BL = F.linear(gate_BLD, v_D[None]).squeeze(-1)
    return e_BL * position_mask(position_B + 1, key_BLD.shape[1])


def pairwise_summary(
    query_BLD: Tensor, key_BLD: Tensor, v_D: Tensor, value_BLD: Tensor, *, chunk: int = 16
) -> Tensor:
    """Return ``S_t = sum_{s <= t} (v . sigmoid(query_t + key_s)) value_s`` for all t.

    The (B, L, L, D) intermediate is never materialised: queries are processed in chunks, only
    against the positions up to the chunk's end, and the backward pass recomputes each chunk.
    """

    def summarise(query_BTD: Tensor, first: int) -> Tensor:
        stop = first + query_BTD.shape[1]
        e_BTL = pairwise_scores(query_BTD, key_BLD[:, :stop], v_D)
        return e_BTL.tril(first) @ value_BLD[:, :stop]

    summaries = []
    for first, query_BTD in enumerate(query_BLD.split(chunk, dim=1)):
        summaries.append(
            checkpoint(
                summarise, query_BTD, first * chunk, use_reentrant=False, preserve_rng_state=False
            )
        )
    return torch.cat(summaries, dim=1)
