"""Where random numbers come from, and algorithms that give the same bits again."""

import os
import random

import numpy as np
import torch


def seed_all(seed: int) -> None:
    """Seed Python's, numpy's and torch's generators, on every device.

    This project draws from torch's and from generators of its own; third-party components may draw
    from any. Batches are made in the process that trains, so there are no workers to seed.
    """
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def choose_algorithms(*, deterministic: bool) -> None:
    """Have torch use deterministic algorithms only (an error where there is none), or any.

    To be called before the first work on a GPU: cuBLAS reads its setting once.
    """
    if deterministic:
        os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"
    torch.use_deterministic_algorithms(deterministic)
    # their backward passes add up in any order; flash attention and the plain one don't
    torch.backends.cuda.enable_mem_efficient_sdp(not deterministic)
    torch.backends.cuda.enable_cudnn_sdp(not deterministic)
