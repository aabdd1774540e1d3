"""The weights of an update lie between those of before and the latest."""

from types import SimpleNamespace

import torch
from pytorch_lightning.strategies import SingleDeviceStrategy

from seqrec.training.averaging import MovingAverage


class Part(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weight_VD = torch.nn.Parameter(torch.ones(3, 2))
        self.bias_V = torch.nn.Parameter(torch.ones(3))
        self.weight_DD = torch.nn.Parameter(torch.ones(2, 2))


def test_known_rows_keep_their_share_and_new_ones_are_the_latest():
    average, part = MovingAverage(keep=0.25), Part()
    module = SimpleNamespace(
        named_children=lambda: [("model", part)],
        update=SimpleNamespace(known_V=torch.tensor([False, True, False])),
    )
    strategy = SingleDeviceStrategy("cpu")
    average.setup(SimpleNamespace(strategy=strategy), module, "fit")
    with torch.no_grad():
        for weight in part.parameters():
            weight.fill_(5.0)
    average._average_model.update_parameters(torch.nn.ModuleDict({"model": part}))
    state = average._average_model.module["model"]
    assert state.weight_VD.tolist() == [[5, 5], [4, 4], [5, 5]]
    assert state.bias_V.tolist() == [5, 4, 5] and (state.weight_DD == 4).all()
