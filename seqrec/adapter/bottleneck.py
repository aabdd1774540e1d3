"""Small layers behind the blocks of a frozen encoder (Houlsby et al. 2019)."""

from collections.abc import Callable
from typing import Any, ClassVar, cast

import torch.nn.functional as F
from torch import Tensor, nn

from seqrec.model import SequenceModel


class Bottleneck:
    """Train ``h + W_2 gelu(W_1 h)`` behind each block of the encoder, the encoder frozen.

    An encoder without ``blocks`` has one behind it. Houlsby et al. put two into each block; one
    behind it does about as well (Pfeiffer et al. 2021). ``W_2`` begins with zeros, so the model
    begins as it was.

    Args:
        dim: width D of the states.
        reduction: D over the width of the layer.
        train: what else is trained: names of parameters or modules, such as ``[embedding]``.
    """

    needs_whole_weights: ClassVar[bool] = True

    def __init__(self, *, dim: int, reduction: int = 4, train: list[str]) -> None:
        if not 1 <= reduction <= dim:
            raise ValueError(f"adapter.reduction={reduction} must be from 1 to dim={dim}")
        self.dim, self.width, self.train = dim, dim // reduction, train

    def __call__(self, model: SequenceModel) -> None:
        """Put the layers behind the blocks, or behind the encoder."""
        blocks = getattr(model.encoder, "blocks", None)
        if isinstance(blocks, nn.ModuleList) and len(blocks):
            for at, block in enumerate(blocks):
                blocks[at] = Behind(block, dim=self.dim, width=self.width)
        else:
            inner = cast(nn.Module, model.encoder)
            model.encoder = cast(Any, Behind(inner, dim=self.dim, width=self.width))


class Behind(nn.Module):
    """A module with a bottleneck behind its states; all else is the module's own."""

    def __init__(self, inner: nn.Module, *, dim: int, width: int) -> None:
        super().__init__()
        self.inner = inner
        self.down, self.up = nn.Linear(dim, width), nn.Linear(width, dim)
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)

    def forward(self, *args: Any, **options: Any) -> Tensor:
        """Return the module's states, changed."""
        return self._changed(self.inner(*args, **options))

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of the module; its ``last`` state is changed as all states are."""
        try:
            return super().__getattr__(name)
        except AttributeError:
            found = getattr(super().__getattr__("inner"), name)
        return self._last(found) if name == "last" else found

    def _last(self, last: Callable[..., Tensor]) -> Callable[..., Tensor]:
        return lambda *args, **options: self._changed(last(*args, **options))

    def _changed(self, h: Tensor) -> Tensor:
        return h + self.up(F.gelu(self.down(h)))
