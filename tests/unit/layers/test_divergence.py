"""The divergence over the whole catalogue, against the naive one."""

import pytest
import torch
import torch.nn.functional as F

from seqrec.layers.linear_divergence import linear_divergence

N, V, D = 37, 23, 8


def given(*, bias: bool, dtype=torch.float32):
    generator = torch.Generator().manual_seed(0)
    query = torch.randn(N, D, generator=generator).to(dtype).requires_grad_()
    table = torch.randn(V, D, generator=generator).requires_grad_()
    bias_V = torch.randn(V, generator=generator).requires_grad_() if bias else None
    return query, table, bias_V, 3 * torch.randn(N, V - 1, generator=generator)


def naive(query, table, bias_V, wanted_NW, temperature):
    score_NW = query.float() @ table[1:].T + (0 if bias_V is None else bias_V[1:])
    log_q_NW = (score_NW / temperature).log_softmax(1)
    log_p_NW = (wanted_NW / temperature).log_softmax(1)
    return F.kl_div(log_q_NW, log_p_NW, log_target=True, reduction="batchmean")


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("temperature", [1.0, 2.5])
@pytest.mark.parametrize("rows", [5, 1000])
def test_value_and_gradients_are_those_of_torch(bias, temperature, rows, monkeypatch):
    import seqrec.layers.linear_divergence as module

    monkeypatch.setattr(module, "chunk_rows", lambda *args, **options: rows)
    query, table, bias_V, wanted_NW = given(bias=bias)
    inputs = [query, table, *([bias_V] if bias else [])]
    own = linear_divergence(
        query, table, lambda part: wanted_NW[part], bias_V, temperature=temperature
    )
    other = naive(query, table, bias_V, wanted_NW, temperature)
    torch.testing.assert_close(own, other)
    found = torch.autograd.grad(2 * own, inputs)
    for ours, theirs in zip(found, torch.autograd.grad(2 * other, inputs), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)
    assert not found[1][0].any()  # the padding id is in neither distribution


def test_items_that_are_left_out_are_in_neither_distribution():
    query, table, bias_V, wanted_NW = given(bias=True)
    kept = torch.arange(V - 1) % 3 == 0
    masked_NW = wanted_NW.masked_fill(~kept, -torch.inf)
    own = linear_divergence(query, table, lambda part: masked_NW[part], bias_V)
    items = torch.cat([torch.ones(1) > 0, kept])
    other = naive(query, table[items], bias_V[items], wanted_NW[:, kept], 1.0)
    torch.testing.assert_close(own, other)
    ours, theirs = (torch.autograd.grad(each, [query, table]) for each in (own, other))
    torch.testing.assert_close(ours[0], theirs[0])
    torch.testing.assert_close(ours[1], theirs[1])
    assert not ours[1][~items].any()


def test_it_is_zero_where_both_say_the_same():
    query, table, _, _ = given(bias=False)
    same = (query @ table[1:].T).detach() + 7
    assert abs(float(linear_divergence(query, table, lambda part: same[part]).detach())) < 1e-6


def test_half_precision_is_close():
    query, table, bias_V, wanted_NW = given(bias=True, dtype=torch.bfloat16)
    own = linear_divergence(query, table, lambda part: wanted_NW[part], bias_V)
    other = naive(query, table, bias_V, wanted_NW, 1.0)
    torch.testing.assert_close(own, other, rtol=0.02, atol=0.02)
    own.backward()
    assert query.grad.dtype == torch.bfloat16 and table.grad.dtype == torch.float32
