"""Heads against their papers' formulas, one position after another."""

import torch
from helpers.components import DIM, LENGTH, component
from torch import nn

from seqrec.layers.running_softmax import running_softmax


def test_inputs_are_weighed_by_states_and_fade_by_a_power_of_their_distance():
    head = component("head", "inputs").eval()
    head.fade.data.fill_(0.7)
    h, x = torch.randn(2, 1, LENGTH, DIM)
    for t in range(LENGTH):
        e = (head.key(h[0, : t + 1]) @ head.query(h[0, t])) / DIM**0.5
        power = (1 + t - torch.arange(t + 1)) ** -0.7
        alpha = e.exp() * power / (e.exp() * power).sum()
        torch.testing.assert_close(head.weights(h, x, torch.tensor([t]))[0, : t + 1], alpha)
        torch.testing.assert_close(head(h, x)[0, t], head.value(alpha @ x[0, : t + 1]))


def test_adaptive_mixes_a_state_with_attention_that_fades_as_the_state_says():
    head = component("head", "adaptive").eval()
    nn.init.normal_(head.value.weight)
    h = torch.randn(LENGTH, DIM)
    ours = head(h[None])[0]
    for t in range(LENGTH):
        e = head.score(torch.tanh(head.hidden(h[: t + 1])))[:, 0]
        power = nn.functional.softplus(head.fade(h[t]))
        alpha = (e - power * (1 + t - torch.arange(t + 1)).log()).softmax(0)
        gate = torch.sigmoid(head.share(h[t]))
        expected = (1 - gate) * h[t] + gate * head.value(alpha @ h[: t + 1])
        torch.testing.assert_close(ours[t], expected)
        position = torch.tensor([t])
        torch.testing.assert_close(head.weights(h[None], position)[0, : t + 1], alpha)
        torch.testing.assert_close(head.gate(h[None], position), gate)


def test_additive_is_the_papers_formula_on_every_prefix():
    head = component("head", "additive", concat=False)
    h = torch.randn(2, LENGTH, DIM)
    summary = head(h)
    w, b, v = head.hidden.weight, head.hidden.bias, head.score.weight[0]
    for row in range(2):
        for t in range(LENGTH):
            e = torch.stack([v @ torch.tanh(w @ h[row, s] + b) for s in range(t + 1)])
            alpha = torch.softmax(e, dim=0)
            expected = sum(alpha[s] * h[row, s] for s in range(t + 1))
            torch.testing.assert_close(summary[row, t], expected)


def test_running_softmax_is_safe_at_any_spread_and_the_same_in_any_chunks():
    e = torch.randn(2, 200, dtype=torch.float64).float() * 300
    h = torch.randn(2, 200, DIM)
    logit = (
        e[:, None, :]
        .expand(2, 200, 200)
        .masked_fill(torch.ones(200, 200).triu(1).bool(), -torch.inf)
    )
    expected = (logit.double().softmax(-1) @ h.double()).float()
    for chunk in (1, 7, 64, 500):
        torch.testing.assert_close(running_softmax(e, h, chunk=chunk), expected)


def test_multihead_equals_torchs():
    head = component("head", "multihead", concat=False).eval()
    reference = nn.MultiheadAttention(DIM, head.heads, batch_first=True).eval()
    reference.in_proj_weight.data, reference.in_proj_bias.data = head.qkv.weight, head.qkv.bias
    reference.out_proj.load_state_dict(head.out.state_dict())
    h = torch.randn(3, LENGTH, DIM)
    future = torch.ones(LENGTH, LENGTH).triu(1).bool()
    expected, alpha = reference(h, h, h, attn_mask=future)
    torch.testing.assert_close(head(h), expected)
    torch.testing.assert_close(head.weights(h, torch.full((3,), 6)), alpha[:, 6])


def test_concat_joins_the_state_with_the_summary():
    joined, alone = component("head", "mean"), component("head", "mean", concat=False)
    h = torch.randn(2, LENGTH, DIM)
    expected = joined.join.project(torch.cat([h, alone(h)], dim=-1))
    torch.testing.assert_close(joined(h), expected)


def test_narm_and_stamp_are_their_papers_formulas():
    h = torch.randn(1, 6, DIM)
    narm, stamp = component("head", "narm").eval(), component("head", "stamp").eval()
    for t in range(6):
        x, last = h[0, : t + 1], h[0, t]
        alpha = torch.sigmoid(narm.query(last) + narm.key(x)) @ narm.v_D
        expected = narm.decode(torch.cat([last, alpha @ x]))
        torch.testing.assert_close(narm(h)[0, t], expected)
        mean = x.mean(0)
        alpha = torch.sigmoid(stamp.key(x) + stamp.last(last) + stamp.mean(mean)) @ stamp.v_D
        expected = stamp.general(alpha @ x + mean) * stamp.current(last)
        torch.testing.assert_close(stamp(h)[0, t], expected)
