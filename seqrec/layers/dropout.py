"""Dropout (Srivastava et al. 2014) with masks that are cheap to draw on a CPU."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Dropout(nn.Module):
    """Zero elements with probability `p` and scale the rest by ``1 / (1 - p)``, in training.

    Args:
        p: share of the elements that are zeroed, from 0 to less than 1.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        if not 0 <= p < 1:
            raise ValueError(f"dropout={p} must be at least 0 and below 1")
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """Return a tensor of the same shape and type."""
        return dropout(x, self.p) if self.training and self.p else x

    def extra_repr(self) -> str:
        """Return what printing the module shows."""
        return f"p={self.p}"


def dropout(x: Tensor, p: float) -> Tensor:
    """Drop elements of `x`; reproducible through torch's generator, on every device."""
    if x.device.type != "cpu" or torch.compiler.is_compiling():
        return F.dropout(x, p)
    return x * keep_mask(x.numel(), p, draw_keys()).to(x.dtype).mul_(1 / (1 - p)).view(x.shape)


def draw_keys() -> tuple[int, int]:
    """Draw two keys for :func:`keep_mask` from torch's generator."""
    one, two = torch.randint(-(2**31), 2**31, (2,)).tolist()
    return one, two


def keep_mask(n: int, p: float, keys: tuple[int, int], start: int = 0) -> Tensor:
    """Draw `n` independent int16 numbers: 1 with probability ``1 - p`` (to 1/65536), else 0.

    torch draws them one after another from a Mersenne Twister, on one core. Here a word is a hash
    of its index and the keys, computed by a few vectorised and threaded integer passes (multiply
    and xor-shift, the "lowbias32" finaliser of C. Wellons), and each half of a word is a draw. The
    same draws can therefore be recomputed instead of stored.

    Args:
        n: number of draws.
        p: probability of 0.
        keys: seed of the draws.
        start: number of earlier draws with the same keys.
    """
    first = start // 2 + start % 2  # words
    word = torch.arange(first, first + n // 2 + 1, dtype=torch.int32)
    word.mul_(-1640531527).add_(keys[0])  # golden ratio: spreads neighbours far apart
    word ^= word >> 16
    word.mul_(0x7FEB352D).add_(keys[1])
    word ^= word >> 15
    word.mul_(0x846CA68B - 2**32)
    word ^= (word >> 16).bitwise_and_(0xFFFF)  # the shift copies the sign bit: mask it out
    return word.view(torch.int16)[:n].ge_(round(p * 65536) - 32768)
