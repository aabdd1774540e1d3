"""The transformer's options, each against what it is said to be."""

import pytest
import torch
from helpers.components import DIM, LENGTH, component, history
from torch import nn


def run(encoder, x_BLD, length_B):
    return encoder(x_BLD, history(length_B, x_BLD.shape[1]))


def test_positions_from_the_end_depend_on_the_length_alone():
    encoder = component("encoder", "transformer", positions="end").eval()
    x = torch.randn(1, 6, DIM)
    short = run(encoder, x[:, :4], torch.tensor([4]))
    long = run(encoder, x, torch.tensor([6]))
    assert not torch.allclose(short, long[:, :4])
    torch.testing.assert_close(short, run(encoder, x, torch.tensor([4]))[:, :4])


def test_without_positions_one_block_knows_what_came_before_but_not_when():
    encoder = component("encoder", "transformer", layers=1, positions="none").eval()
    x, length = torch.randn(1, 6, DIM), torch.tensor([6])
    other = x[:, [3, 0, 2, 1, 4, 5]]
    before, after = run(encoder, x, length), run(encoder, other, length)
    torch.testing.assert_close(before[:, 4:], after[:, 4:])
    assert not hasattr(encoder, "position")


def test_a_longer_input_than_the_positions_is_an_error():
    encoder = component("encoder", "transformer")
    with pytest.raises(ValueError, match=f"max_length={LENGTH}"):
        run(encoder, torch.randn(1, LENGTH + 1, DIM), torch.tensor([LENGTH + 1]))


def test_a_block_of_sasrec_is_that_of_its_code():
    [block] = component("encoder", "transformer", layers=1, heads=2, block="sasrec").eval().blocks
    reference = nn.MultiheadAttention(DIM, 2, batch_first=True).eval()
    inner = block.attention
    reference.in_proj_weight.data, reference.in_proj_bias.data = inner.qkv.weight, inner.qkv.bias
    reference.out_proj.load_state_dict(inner.out.state_dict())
    x, future = torch.randn(3, LENGTH, DIM), torch.ones(LENGTH, LENGTH).triu(1).bool()
    query = block.norm_1(x)
    y = block.norm_2(query + reference(query, x, x, attn_mask=future)[0])
    wide, _, _, narrow, _ = block.mlp
    torch.testing.assert_close(block(x), y + narrow(wide(y).relu()))


def test_inputs_are_dropped_by_the_embedding_alone():
    encoder = component("encoder", "transformer", layers=0, dropout=0.9).train()
    x, length = torch.randn(3, LENGTH, DIM), torch.tensor([1, 5, LENGTH])
    trained = run(encoder, x, length)
    torch.testing.assert_close(trained, run(encoder.eval(), x, length))


def test_initial_weights_have_the_spread_that_is_asked_for():
    encoder = component("encoder", "transformer", dim=64, std=0.02)
    linear = [m for m in encoder.blocks.modules() if isinstance(m, torch.nn.Linear)]
    assert len(linear) == 8 and not any(m.bias.any() for m in linear)
    weights = torch.cat([m.weight.flatten() for m in linear])
    assert weights.std().item() == pytest.approx(0.02, rel=0.02)
