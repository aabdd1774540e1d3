"""The contract of encoders and heads, held to by every file in ``configs/``."""

import pytest
import torch
from helpers.components import DIM, LENGTH, component, history, names, states
from torch import nn

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
