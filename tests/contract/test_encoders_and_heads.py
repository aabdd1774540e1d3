"""The contract of encoders and heads, held to by every file in ``configs/``."""

import pytest
import torch
from helpers.components import DIM, LENGTH, component, history, names, states
from torch import nn

from seqrec.layers.running_softmax import running_softmax
from seqrec.machine.hardware import find_hardware

LENGTHS = torch.tensor([1, 5, LENGTH])


def run_encoder(module, x_BLD, length_B):
    return module(x_BLD, history(length_B, x_BLD.shape[1]))


def run_head(module, h_BLD, length_B):
    return module(*states(module, h_BLD))


CASES = [("encoder", n, run_encoder) for n in names("encoder")]
CASES += [("head", n, run_head) for n in names("head")]
every = pytest.mark.parametrize(
    ("kind", "name", "call"), CASES, ids=[f"{k}={n}" for k, n, _ in CASES]
)


def built(kind, name):
    return component(kind, name).eval()


def check_shape(module, call):
    x = torch.randn(3, LENGTH, DIM)
    assert call(module, x, LENGTHS).shape == x.shape


def check_future(module, call):
    """What changes after t moves nothing up to t, and everything after it."""
    x = torch.randn(3, LENGTH, DIM)
    full = torch.full((3,), LENGTH)
    before = call(module, x, full)
    for t in (0, 4, LENGTH - 2):
        changed = x.clone()
        changed[:, t + 1 :] = torch.randn_like(changed[:, t + 1 :]) * 50
        torch.testing.assert_close(call(module, changed, full)[:, : t + 1], before[:, : t + 1])
        assert not torch.allclose(call(module, changed, full)[:, t + 1 :], before[:, t + 1 :])


def check_padding(module, call):
    """A sequence alone has the states that it has in any batch."""
    x = torch.randn(3, LENGTH, DIM)
    together = call(module, x, LENGTHS)
    for row, length in enumerate(LENGTHS.tolist()):
        alone = call(module, x[row : row + 1, :length], LENGTHS[row : row + 1])
        torch.testing.assert_close(together[row, :length], alone[0], rtol=1e-4, atol=1e-5)


def check_gradients(module, call):
    """They are finite and reach the input and every parameter."""
    module.train()
    x = torch.randn(3, LENGTH, DIM, requires_grad=True)
    call(module, x, LENGTHS).square().mean().backward()
    assert x.grad.isfinite().all() and x.grad.abs().sum() > 0
    for parameter_name, parameter in module.named_parameters():
        assert parameter.grad is not None, parameter_name
        assert parameter.grad.isfinite().all(), parameter_name


def check_rounding(module, call):
    """In bfloat16 the states are close to those in float32."""
    x = torch.randn(3, LENGTH, DIM)
    exact = call(module, x, LENGTHS)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rounded = call(module, x, LENGTHS)
    assert (rounded.float() - exact).abs().max() <= 0.05 * exact.abs().max() + 0.02


CHECKS = [check_shape, check_future, check_padding, check_gradients, check_rounding]


@every
@pytest.mark.parametrize("check", CHECKS)
def test_it_keeps_its_promise(check, kind, name, call):
    no_bf16 = find_hardware("cpu", "auto").precision != "bf16"
    if name == "lstm" and check is check_rounding and no_bf16:
        pytest.skip("torch has no bfloat16 LSTM for CPUs without bfloat16 instructions")
    check(built(kind, name), call)


class Broken(nn.Module):
    """A product with a matrix, spoilt by `change`; and a weight that is used, or isn't."""

    def __init__(self, change, *, uses=True):
        super().__init__()
        self.change, self.uses = change, uses
        self.linear, self.weight_D = nn.Linear(DIM, DIM), nn.Parameter(torch.ones(DIM))

    def forward(self, h_BLD):
        y_BLD = self.change(self.linear(h_BLD))
        return y_BLD * self.weight_D if self.uses else y_BLD


@pytest.mark.parametrize("check", CHECKS)
def test_the_module_that_the_broken_ones_are_made_of_keeps_them_all(check):
    check(Broken(lambda y: y), run_head)


@pytest.mark.parametrize(
    ("check", "broken"),
    [
        (check_shape, Broken(lambda y: y[:, -1:])),
        (check_future, Broken(lambda y: y - y.mean(1, keepdim=True))),
        (check_future, Broken(lambda y: y.roll(-1, dims=1))),
        (check_future, Broken(lambda y: y[:, :1].expand_as(y))),  # never looks at all
        (check_padding, Broken(lambda y: y / y.shape[1])),
        (check_padding, Broken(lambda y: y - y.mean(0))),
        (check_gradients, Broken(lambda y: y, uses=False)),
        (check_gradients, Broken(lambda y: y + (y * 0).sqrt())),
        (check_rounding, Broken(lambda y: (1000 * y).remainder(1))),
    ],
)
def test_what_breaks_a_promise_is_found_out(check, broken):
    with pytest.raises(AssertionError):
        check(broken, run_head)


@pytest.mark.parametrize("name", names("head"))
def test_weights_tell_how_the_summary_was_made(name):
    """They lie on the prefix only and, where a head normalises, sum to one."""
    head = built("head", name)
    h = torch.randn(3, LENGTH, DIM)
    position = LENGTHS - 1
    alpha = head.weights(*states(head, h), position)
    for row, last in enumerate(position.tolist()):
        assert (alpha[row, last + 1 :] == 0).all()
        if name not in ("narm", "stamp"):
            assert alpha[row].sum().item() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("name", ["mean", "additive", "dot"])
def test_weights_reproduce_the_summary(name):
    head = component("head", name, concat=False).eval()
    h = torch.randn(3, LENGTH, DIM)
    summary = head(h)[torch.arange(3), LENGTHS - 1]
    mixed = torch.einsum("bl,bld->bd", head.weights(h, LENGTHS - 1), h)
    torch.testing.assert_close(summary, mixed)


def check_linear(head):
    """At fixed states, what it makes of a sum of inputs is the sum of what it makes of each."""
    h, one, other = torch.randn(3, 3, LENGTH, DIM)
    expected = head(h, one) + 2 * head(h, other)
    torch.testing.assert_close(head(h, one + 2 * other), expected, rtol=1e-4, atol=1e-5)


READERS = [n for n in names("head") if getattr(component("head", n), "reads_inputs", False)]


@pytest.mark.parametrize("name", READERS)
def test_a_head_that_reads_inputs_is_linear_in_them(name):
    check_linear(built("head", name))


def test_a_head_that_isnt_linear_in_its_inputs_is_found_out():
    with pytest.raises(AssertionError):
        check_linear(lambda h, x: x + h * x.square())


def test_inputs_are_weighed_by_states_and_fade_by_a_power_of_their_distance():
    head = built("head", "inputs")
    head.fade.data.fill_(0.7)
    h, x = torch.randn(2, 1, LENGTH, DIM)
    for t in range(LENGTH):
        e = (head.key(h[0, : t + 1]) @ head.query(h[0, t])) / DIM**0.5
        power = (1 + t - torch.arange(t + 1)) ** -0.7
        alpha = e.exp() * power / (e.exp() * power).sum()
        torch.testing.assert_close(head.weights(h, x, torch.tensor([t]))[0, : t + 1], alpha)
        torch.testing.assert_close(head(h, x)[0, t], head.value(alpha @ x[0, : t + 1]))


def test_adaptive_mixes_a_state_with_attention_that_fades_as_the_state_says():
    head = built("head", "adaptive")
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
    narm, stamp = built("head", "narm"), built("head", "stamp")
    for t in range(6):
        x, last = h[0, : t + 1], h[0, t]
        alpha = torch.sigmoid(narm.query(last) + narm.key(x)) @ narm.v_D
        expected = narm.decode(torch.cat([last, alpha @ x]))
        torch.testing.assert_close(narm(h)[0, t], expected)
        mean = x.mean(0)
        alpha = torch.sigmoid(stamp.key(x) + stamp.last(last) + stamp.mean(mean)) @ stamp.v_D
        expected = stamp.general(alpha @ x + mean) * stamp.current(last)
        torch.testing.assert_close(stamp(h)[0, t], expected)


def test_positions_from_the_end_depend_on_the_length_alone():
    encoder = component("encoder", "transformer", positions="end").eval()
    x = torch.randn(1, 6, DIM)
    short = run_encoder(encoder, x[:, :4], torch.tensor([4]))
    long = run_encoder(encoder, x, torch.tensor([6]))
    assert not torch.allclose(short, long[:, :4])
    torch.testing.assert_close(short, run_encoder(encoder, x, torch.tensor([4]))[:, :4])


def test_without_positions_one_block_knows_what_came_before_but_not_when():
    encoder = component("encoder", "transformer", layers=1, positions="none").eval()
    x, length = torch.randn(1, 6, DIM), torch.tensor([6])
    other = x[:, [3, 0, 2, 1, 4, 5]]
    before, after = run_encoder(encoder, x, length), run_encoder(encoder, other, length)
    torch.testing.assert_close(before[:, 4:], after[:, 4:])
    assert not hasattr(encoder, "position")


def test_a_longer_input_than_the_positions_is_an_error():
    encoder = component("encoder", "transformer")
    with pytest.raises(ValueError, match=f"max_length={LENGTH}"):
        run_encoder(encoder, torch.randn(1, LENGTH + 1, DIM), torch.tensor([LENGTH + 1]))


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
    trained = run_encoder(encoder, x, length)
    torch.testing.assert_close(trained, run_encoder(encoder.eval(), x, length))


def test_initial_weights_have_the_spread_that_is_asked_for():
    encoder = component("encoder", "transformer", dim=64, std=0.02)
    linear = [m for m in encoder.blocks.modules() if isinstance(m, torch.nn.Linear)]
    assert len(linear) == 8 and not any(m.bias.any() for m in linear)
    weights = torch.cat([m.weight.flatten() for m in linear])
    assert weights.std().item() == pytest.approx(0.02, rel=0.02)
