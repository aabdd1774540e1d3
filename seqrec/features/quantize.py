"""Vectors to codes: k-means, one level after the other, or one part of the columns each.

The k-means is ours because faiss is an extra, and sixty lines give codes from a seed.
"""

import torch
from torch import Generator, Tensor

from seqrec.errors import DataError

ROUNDS = 20
AT_ONCE = 1 << 24  # distances that are held at once


def kmeans(value_NF: Tensor, size: int, *, draw: Generator, rounds: int = ROUNDS) -> Tensor:
    """Find centres by Lloyd's algorithm (1982), from distinct rows; an empty one moves.

    A centre that no row is nearest to becomes one of the rows that are farthest from theirs.

    Args:
        value_NF: the rows.
        size: centres; fewer if there are fewer rows.
        draw: of the first centres.
        rounds: steps.

    Returns:
        ``centre_KF``.
    """
    chosen_K = torch.randperm(len(value_NF), generator=draw)[:size]
    centre_KF = value_NF[chosen_K].clone()
    for _ in range(rounds):
        code_N, apart_N = nearest(value_NF, centre_KF)
        count_K = torch.bincount(code_N, minlength=len(centre_KF))
        sum_KF = torch.zeros_like(centre_KF).index_add_(0, code_N, value_NF)
        centre_KF = sum_KF / count_K.clamp(min=1)[:, None]
        empty_K = (count_K == 0).nonzero().flatten()
        centre_KF[empty_K] = value_NF[apart_N.topk(len(empty_K)).indices]
    return centre_KF


def nearest(value_NF: Tensor, centre_KF: Tensor) -> tuple[Tensor, Tensor]:
    """Return the nearest centre of each row, int64, and the squared distance to it."""
    size_K = centre_KF.square().sum(1)
    codes, aparts = [], []
    for value_MF in value_NF.split(max(1, AT_ONCE // len(centre_KF))):
        apart_MK = torch.addmm(size_K, value_MF, centre_KF.T, alpha=-2)
        apart_M, code_M = apart_MK.min(1)
        codes.append(code_M)
        aparts.append((apart_M + value_MF.square().sum(1)).clamp(min=0))
    return torch.cat(codes), torch.cat(aparts)


def residual_codes(
    value_NF: Tensor, known_N: Tensor, *, codes: int, size: int, seed: int
) -> Tensor:
    """Code each row, then what its centre leaves of it, and so on (Chen, Guan and Wang 2010).

    Args:
        value_NF: the rows.
        known_N: bool, those that the centres are made of; all rows are coded.
        codes: levels C.
        size: centres of each level, K.
        seed: of the first centres.

    Returns:
        ``code_NC``, int64, each from 0 to K - 1.
    """
    draw = torch.Generator().manual_seed(seed)
    levels = []
    for _ in range(codes):
        centre_KF = kmeans(value_NF[known_N], size, draw=draw)
        code_N, _ = nearest(value_NF, centre_KF)
        value_NF = value_NF - centre_KF[code_N]
        levels.append(code_N)
    return torch.stack(levels, 1)


def product_codes(value_NF: Tensor, known_N: Tensor, *, codes: int, size: int, seed: int) -> Tensor:
    """Turn the columns at random, cut them in C parts, and code each part by itself.

    Product quantisation (Jégou, Douze and Schmid 2011); the turn spreads what is known of a row
    over all parts. For the arguments see :func:`residual_codes`.

    Raises:
        DataError: the rows have fewer columns than there are codes.
    """
    if codes > value_NF.shape[1]:
        raise DataError(
            f"vectors of {value_NF.shape[1]} columns can't be cut in {codes} parts",
            where="embedding.codes",
            todo="use fewer embedding.codes, or embedding.by=residual",
        )
    draw = torch.Generator().manual_seed(seed)
    turn_FF = torch.linalg.qr(torch.randn(value_NF.shape[1], value_NF.shape[1], generator=draw))[0]
    parts = (value_NF @ turn_FF).tensor_split(codes, dim=1)
    return torch.stack(
        [nearest(part, kmeans(part[known_N], size, draw=draw))[0] for part in parts], 1
    )


def collisions(code_NC: Tensor) -> Tensor:
    """Return how many rows before each have its very codes, int64: 0 for the first of them."""
    _, group_N = torch.unique(code_NC, dim=0, return_inverse=True)
    order_N = group_N.argsort(stable=True)
    sorted_N = group_N[order_N]
    first_N = torch.searchsorted(sorted_N, sorted_N)  # where the group of each begins
    before_N = torch.empty_like(group_N)
    before_N[order_N] = torch.arange(len(group_N)) - first_N
    return before_N
