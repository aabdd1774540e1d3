"""Whole attention heads and hidden units are taken out of a transformer (Michel et al. 2019)."""

import copy
from typing import Any, ClassVar, cast

import torch
from torch import Tensor, nn

from seqrec.compress._smaller import Calibration, Smaller
from seqrec.encoder.transformer import Transformer
from seqrec.errors import ConfigError
from seqrec.model import SequenceModel


class PruneUnits:
    """Take the heads and hidden units out that the loss on validation would miss least.

    What a unit is worth is the mean of ``|h dL/dh|`` over the validation batches, L the loss of the
    true next items: to first order, what L changes by without it (Molchanov et al. 2017, equation
    8; of a whole head: Michel et al. 2019, equation 2). All blocks keep equally many, so the result
    is an ordinary transformer of other sizes.

    Args:
        heads: heads that are taken out of each block.
        units: share of each block's hidden units that are taken out.
    """

    speed: ClassVar[str] = (
        "fewer heads and units are fewer multiplications, which shows where many histories are "
        "asked about at once; a single request is mostly other work"
    )
    bounds: ClassVar[dict[str, tuple[float, float]]] = {"heads": (0, 4096), "units": (0, 0.999)}

    def __init__(self, *, heads: int = 1, units: float = 0.5) -> None:
        self.heads, self.units = heads, units

    def __call__(self, model: SequenceModel, calibration: Calibration) -> Smaller:
        """Measure what each is worth, and cut the matrices."""
        encoder = model.encoder
        blocks: list[Any] = list(getattr(encoder, "blocks", ()))
        if not isinstance(encoder, Transformer) or not blocks:
            raise ConfigError(
                f"{type(encoder).__name__} has no attention heads that could be taken out",
                where="compress=prune_units",
                todo="choose compress=prune or compress=quantize, or a run with "
                "encoder=transformer",
            )
        heads, width = blocks[0].attention.heads, blocks[0].attention.width
        if self.heads >= heads:
            raise ConfigError(
                f"each block has {heads} heads, and one has to stay",
                where=f"heads={self.heads}",
                todo=f"set heads to at most {heads - 1}",
            )
        if self.heads and getattr(encoder, "bias", None) is not None:
            raise ConfigError(
                "the heads of all blocks share their biases of positions or times, so each block "
                "can't lose heads of its own",
                where=f"heads={self.heads}",
                todo="set heads=0 and take out hidden units alone",
            )
        ffn = linears(blocks[0])[1].in_features
        kept_heads, kept_units = heads - self.heads, max(1, round(ffn * (1 - self.units)))
        state = {name: value.detach().clone() for name, value in model.state_dict().items()}
        for at, (head_H, unit_F) in enumerate(worths(model, calibration)):
            head, unit = best(head_H, kept_heads), best(unit_F, kept_units)
            cut(state, f"encoder.blocks.{at}", blocks[at], head=head, unit=unit)
        changes = {"encoder.ffn": kept_units, "encoder.heads": kept_heads}
        return Smaller(state, changes | {"encoder.head_width": width})


class Worth:
    """What the groups of inputs of a layer are worth: the sum of ``|sum h dL/dh|``.

    Args:
        groups: equal parts of the inputs, such as heads.
    """

    def __init__(self, layer: nn.Linear, groups: int) -> None:
        self.total_G = torch.zeros(groups)
        layer.register_forward_pre_hook(self._listen)

    def _listen(self, layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        [h] = inputs
        h.register_hook(lambda slope: self._note(h.detach(), slope))

    def _note(self, h: Tensor, slope: Tensor) -> None:
        worth_BW = (h * slope).flatten(1, -2).sum(1)
        self.total_G += worth_BW.view(len(h), len(self.total_G), -1).sum(2).abs().sum(0)


def worths(model: SequenceModel, calibration: Calibration) -> list[tuple[Tensor, Tensor]]:
    """Return what the heads and the hidden units of each block are worth."""
    model = copy.deepcopy(model).requires_grad_(True)  # it is left with hooks and gradients
    found = []
    for block in cast(Any, model.encoder).blocks:
        heads, (_, second) = block.attention.heads, linears(block)
        found.append((Worth(block.attention.out, heads), Worth(second, second.in_features)))
    for loss in calibration.losses(model):
        loss.backward()
    return [(head.total_G, unit.total_G) for head, unit in found]


def best(worth_G: Tensor, count: int) -> Tensor:
    """Return the places of the largest values, in order; of equals the first."""
    return worth_G.argsort(descending=True, stable=True)[:count].sort().values


def linears(block: Any) -> tuple[nn.Linear, nn.Linear]:
    """Return the two linear layers around a block's hidden units."""
    first, second = [layer for layer in block.mlp if isinstance(layer, nn.Linear)]
    return first, second


def cut(state: dict[str, Tensor], name: str, block: Any, *, head: Tensor, unit: Tensor) -> None:
    """Keep some heads and hidden units of a block in its weights."""
    width = block.attention.width
    row = (head[:, None] * width + torch.arange(width)).flatten()
    names = {id(p): f"{name}.{own}" for own, p in block.named_parameters()}
    first, second = linears(block)
    qkv, out = block.attention.qkv, block.attention.out
    rows = torch.cat([row + part * out.in_features for part in range(3)])
    for parameter, kept, axis in (
        (qkv.weight, rows, 0),
        (qkv.bias, rows, 0),
        (out.weight, row, 1),
        (first.weight, unit, 0),
        (first.bias, unit, 0),
        (second.weight, unit, 1),
    ):
        key = names[id(parameter)]
        state[key] = state[key].index_select(axis, kept)
