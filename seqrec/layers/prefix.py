"""The mean of every prefix."""

import torch
from torch import Tensor

from seqrec.layers.running_softmax import running_softmax


def prefix_mean(h_BLD: Tensor) -> Tensor:
    """Return ``(h_1 + ... + h_t) / t`` for every t, summed in float32, in the type of `h_BLD`.

    Uses one running sum, whose order varies from call to call on CUDA. With
    ``trainer.deterministic`` it uses a running softmax of equal scores instead.
    """
    if torch.are_deterministic_algorithms_enabled():
        return running_softmax(h_BLD.new_zeros(h_BLD.shape[:2]), h_BLD)
    count_L = torch.arange(1, h_BLD.shape[1] + 1, device=h_BLD.device)
    return (h_BLD.float().cumsum(dim=1) / count_L[:, None]).to(h_BLD.dtype)
