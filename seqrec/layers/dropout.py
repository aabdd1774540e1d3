"""Dropout (Srivastava et al. 2014) whose masks don't cost more than the model on a CPU."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Dropout(nn.Module):
    """Zero elements with probability `p` and scale the others by ``1 / (1 - p)``, in training.

    Args:
        p: share of the elements that are zeroed, from 0 to less than 1.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        if not 0 <= p < 1:
            raise ValueError(f"dropout={p} must lie in 0 <= dropout < 1")
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """Same shape and type."""
        return dropout(x, self.p) if self.training and self.p else x

    def extra_repr(self) -> str:
        """What printing the module shows."""
        return f"p={self.p}"


def dropout(x: Tensor, p: float) -> Tensor:
    """Drop elements of `x`; reproducible through torch's generator, on every device."""
    if x.device.type != "cpu" or torch.compiler.is_compiling():
        return F.dropout(x, p)
    return x * keep_mask(x.numel(), p, draw_keys()).to(x.dtype).mul_(1 / (1 - p)).view(x.shape)


def draw_keys() -> tuple[int, int]:
    """Two keys for :func:`keep_mask`, from torch's generator."""
    one, two = torch.randint(-(2**31), 2**31, (2,)).tolist()
    return one, two


def keep_mask(n: int, p: float, keys: tuple[int, int], start: int = 0) -> Tensor:
    """`n` independent draws, int16: 1 with probability ``1 - p`` (to 1/65536), else 0.

    torch draws them one after another from a Mersenne Twister, on one core. Here a word
    is a hash of its number and of the keys, made by a few integer sweeps that run in vectors and
    in threads (multiply and xor-shift, the "lowbias32" finaliser of C. Wellons), and each half of
    a word is a draw. So the same draws can also be made again instead of kept.

    Args:
        n: draws.
        p: probability of 0.
        keys: what tells these draws from others.
        start: draws with the same keys that came before these.
    """
    first = start // 2 + start % 2  # words
    word = torch.arange(first, first + n // 2 + 1, dtype=torch.int32)
    word.mul_(-1640531527).add_(keys[0])  # golden ratio: neighbours far apart
    word ^= word >> 16
    word.mul_(0x7FEB352D).add_(keys[1])
    word ^= word >> 15
    word.mul_(0x846CA68B - 2**32)
    word ^= (word >> 16).bitwise_and_(0xFFFF)  # a shift drags the sign along: cut it off
    return word.view(torch.int16)[:n].ge_(round(p * 65536) - 32768)
