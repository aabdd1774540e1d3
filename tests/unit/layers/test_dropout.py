"""Our own dropout masks: fair, independent, reproducible; and the attention that uses them."""

import pytest
import torch
import torch.nn.functional as F

from seqrec.layers import causal_attention as ca
from seqrec.layers.dropout import Dropout, draw_keys, keep_mask
from seqrec.shapes import position_mask

DRAWS = 1_000_000


@pytest.mark.parametrize("p", [0.1, 0.2, 0.5, 0.75])
def test_draws_are_fair_and_independent(p):
    torch.manual_seed(0)
    keys = draw_keys(), draw_keys()
    one, two = (keep_mask(DRAWS, p, k).double() for k in keys)
    deviation = (p * (1 - p) / DRAWS) ** 0.5
    assert set(one.unique().tolist()) == {0.0, 1.0}
    assert one.mean().item() == pytest.approx(1 - p, abs=4 * deviation + 1 / 65536)
    centred, other = one - one.mean(), two - two.mean()
    unit = p * (1 - p) / DRAWS**0.5
    for lag in (1, 2, 3, 7, 32, 50, 64, 128, 200, 1024, 65536):
        assert abs((centred[lag:] * centred[:-lag]).mean()) < 4 * unit, lag
    assert abs((centred * other).mean()) < 4 * unit
    rows = centred.view(-1, 50).sum(1)  # their spread is that of a binomial
    assert rows.var().item() == pytest.approx(50 * p * (1 - p), rel=0.03)


@pytest.mark.parametrize("start", [0, 1, 2, 5, 1000])
def test_draws_that_came_before_are_not_drawn_again(start):
    keys = (12345, -67890)
    whole = keep_mask(5000, 0.5, keys)
    first = start + start % 2  # draws come in twos
    assert torch.equal(keep_mask(501, 0.5, keys, start), whole[first : first + 501])


def test_dropout_scales_what_it_keeps_and_is_reproducible():
    layer = Dropout(0.25)
    x = torch.ones(1001, 3, requires_grad=True)
    torch.manual_seed(3)
    y = layer(x)
    torch.manual_seed(3)
    assert torch.equal(layer(x), y) and not torch.equal(layer(x), y)
    assert y.detach().unique().tolist() == pytest.approx([0, 4 / 3])
    y.sum().backward()
    assert torch.equal(x.grad, y.detach())
    assert layer.eval()(x) is x
    assert Dropout(0.0).train()(x) is x
    assert Dropout(0.5)(x.bfloat16()).dtype == torch.bfloat16


@pytest.mark.parametrize("p", [-0.1, 1.0])
def test_dropout_refuses_what_is_no_share(p):
    with pytest.raises(ValueError, match="dropout="):
        Dropout(p)


@pytest.mark.parametrize(("heads", "width", "p"), [(1, 7, 0.0), (3, 40, 0.0), (2, 25, 0.3)])
@pytest.mark.parametrize("causal", [True, False])
def test_attention_equals_the_formula(heads, width, p, causal, monkeypatch):
    monkeypatch.setattr(ca, "ROWS", 9)
    monkeypatch.setattr(ca, "CHUNK_BYTES", 4 * 2 * heads * 9 * 20)
    qkv = torch.randn(5, width, 3, heads, 8, requires_grad=True)
    slope = torch.randn(5, width, heads, 8)
    length_B = torch.tensor([1, 2, width, width - 1, 5])
    torch.manual_seed(1)
    y = ca.causal_attention(qkv, p) if causal else ca.padded_attention(qkv, p, length_B)
    (got,) = torch.autograd.grad(y, qkv, slope)

    torch.manual_seed(1)
    q, k, v = qkv.permute(2, 0, 3, 1, 4)
    hidden = torch.ones(width, width, dtype=torch.bool).triu(1)
    if not causal:
        hidden = ~position_mask(length_B, width)[:, None, None]
    alpha = (q @ k.transpose(2, 3) / 8**0.5).masked_fill(hidden, -torch.inf).softmax(-1)
    if p:
        keys, mask = draw_keys(), torch.zeros_like(alpha)
        for at, rows, past, start in ca._chunks(q, causal):
            part = mask[at, :, rows, past]
            kept = keep_mask(part.numel(), p, keys, start).view(part.shape)
            mask[at, :, rows, past] = kept / (1 - p)
        alpha = alpha * mask
    expected = (alpha @ v).transpose(1, 2)
    torch.testing.assert_close(y, expected)
    torch.testing.assert_close(got, torch.autograd.grad(expected, qkv, slope)[0])


def test_causal_attention_in_bfloat16_is_within_its_rounding():
    qkv = torch.randn(4, 30, 3, 2, 8)
    q, k, v = qkv.permute(2, 0, 3, 1, 4)
    exact = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2)
    rounded = ca.causal_attention(qkv.bfloat16(), 0.0)
    assert rounded.dtype == torch.bfloat16
    torch.testing.assert_close(rounded.float(), exact, rtol=0.05, atol=0.05)
