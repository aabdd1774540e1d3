"""Biases of scores: by distance, by time, and in our own attention for a CPU."""

import math

import pytest
import torch

from seqrec.layers.causal_attention import causal_attention
from seqrec.layers.score_bias import ScoreBias
from seqrec.shapes import UNKNOWN_TIME, History


def timed(time_BL, asked_B):
    time_BL = torch.tensor(time_BL)
    rows, width = time_BL.shape
    length_B = torch.full((rows,), width)
    event = {"timestamp": time_BL}
    return History(torch.ones_like(time_BL), length_B, torch.zeros(rows), event, asked_B)


def at(width):
    return torch.arange(width)[None]


def test_a_distance_has_one_number_and_far_ones_share_theirs():
    bias = ScoreBias(heads=2, reach=3)
    bias.distance_HR.data = torch.tensor([[0.0, 1.0, 2.0], [10.0, 11.0, 12.0]])
    score = bias(timed([[0] * 5], None), at(5), 5)
    for t in range(5):
        for s in range(t + 1):
            assert score[0, :, t, s].tolist() == [min(t - s, 2), 10 + min(t - s, 2)]


def test_buckets_are_logarithms_of_the_seconds_between():
    seconds = [0, 0.5, 1, 2, 60, 3600, 86_400, 10**8]
    history = timed([[10**12 - int(1000 * s) for s in reversed(seconds)]], None)
    code = ScoreBias(heads=1, time="events").buckets(history, torch.tensor([[len(seconds) - 1]]))
    wanted = [2 + math.floor(math.log(s) / 0.301) if s >= 1 else 1 for s in seconds]
    assert code[0, 0].tolist() == wanted[::-1]


def test_a_request_has_the_time_of_what_comes_next():
    history = timed([[0, 1000, 5000]], torch.tensor([9000]))
    events = ScoreBias(heads=1, time="events").buckets(history, at(3))[0]
    request = ScoreBias(heads=1, time="request").buckets(history, at(3))[0]
    assert torch.equal(request[:2], events[1:])
    assert events.diagonal().tolist() == [1, 1, 1]


def test_an_unknown_time_has_a_bucket_of_its_own():
    history = timed([[0, UNKNOWN_TIME, 5000]], torch.tensor([UNKNOWN_TIME]))
    code = ScoreBias(heads=1, time="request").buckets(history, at(3))[0]
    assert code[0].tolist() == [0, 0, 0] and code[2].tolist() == [0, 0, 0]
    assert code[1, 0] > 0 and code[1, 1] == 0


@pytest.mark.parametrize("rows", [1, 3])
def test_our_attention_adds_it_and_has_its_gradients(rows):
    """Without dropout it is torch's, for one bias of all sequences and for one of each."""
    torch.manual_seed(0)
    qkv = torch.randn(3, 130, 3, 2, 4, requires_grad=True)
    bias = torch.randn(rows, 2, 130, 130, requires_grad=True)
    future = torch.ones(130, 130, dtype=torch.bool).triu(1)
    q, k, v = qkv.permute(2, 0, 3, 1, 4)
    mask = bias.masked_fill(future, -torch.inf)
    wanted = torch.nn.functional.scaled_dot_product_attention(q, k, v, mask).transpose(1, 2)
    ours = causal_attention(qkv, 0.0, bias)
    torch.testing.assert_close(ours, wanted)
    weight = torch.randn_like(ours)
    for own, other in zip(
        torch.autograd.grad((ours * weight).sum(), (qkv, bias)),
        torch.autograd.grad((wanted * weight).sum(), (qkv, bias)),
        strict=True,
    ):
        torch.testing.assert_close(own, other, rtol=1e-4, atol=1e-5)
