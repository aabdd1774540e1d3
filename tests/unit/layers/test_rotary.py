"""Rotary positions: products know distances, and nothing else of positions."""

import pytest
import torch

from seqrec.encoder.transformer import Transformer
from seqrec.layers.rotary import Rotary
from seqrec.shapes import History


def products(shift: int) -> torch.Tensor:
    torch.manual_seed(0)
    query, key = torch.randn(2, 7, 2, 8), torch.randn(2, 7, 2, 8)
    rotary, position = Rotary(width=8), torch.arange(7)[None] + shift
    return torch.einsum("bqhw,bkhw->bhqk", rotary(query, position), rotary(key, position))


def test_products_depend_on_distances_alone():
    torch.testing.assert_close(products(0), products(100), rtol=1e-4, atol=1e-4)


def test_it_is_the_papers_rotation_of_complex_numbers():
    x, position = torch.randn(1, 5, 3, 8, dtype=torch.float64), torch.arange(5)
    rate = 10_000.0 ** (-torch.arange(0, 8, 2, dtype=torch.float64) / 8)
    turn = torch.polar(torch.ones(5, 4, dtype=torch.float64), position[:, None] * rate)
    expected = torch.complex(x[..., :4], x[..., 4:]) * turn[None, :, None]
    ours = Rotary(width=8)(x, position[None])
    torch.testing.assert_close(
        ours, torch.cat([expected.real, expected.imag], -1), rtol=1e-5, atol=1e-5
    )


def test_a_window_may_begin_anywhere():
    """One block sees a recent item alike with positions 0, 1, ... and 3, 4, ..."""
    encoder = Transformer(
        further=0, dim=8, max_length=9, layers=1, heads=2, positions="rotary"
    ).eval()
    x, rotary = torch.randn(1, 6, 8), encoder.blocks[0].attention.rotary
    history = History(torch.ones(1, 6, dtype=torch.long), torch.tensor([6]), torch.tensor([0]))
    before = encoder(x, history)
    rotary.register_forward_pre_hook(lambda module, given: (given[0], given[1] + 3))
    torch.testing.assert_close(encoder(x, history), before)


def test_a_head_of_odd_width_is_refused():
    with pytest.raises(ValueError, match="even width, and dim / heads is 5"):
        Transformer(further=0, dim=10, max_length=9, heads=2, positions="rotary")
