"""Seeds of random numbers, and deterministic algorithms."""

import os
import random

import numpy as np
import torch


def seed_all(seed: int) -> None:
    """Seed Python's, numpy's and torch's generators, on every device.

    This project draws from torch's generator and from its own; third-party components may draw from
    any. Batches are made in the training process, so there are no workers to seed.
    """
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def choose_algorithms(*, deterministic: bool) -> None:
    """Allow torch only deterministic algorithms (an error if there is none), or any.

    Call it before the first work on a GPU: cuBLAS reads its setting once.
    """
    if deterministic:
        os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"
    torch.use_deterministic_algorithms(deterministic)
    # their backward passes add up in varying order; flash and plain attention don't
    torch.backends.cuda.enable_mem_efficient_sdp(not deterministic)
    torch.backends.cuda.enable_cudnn_sdp(not deterministic)
