"""What every optimizer promises, and that optimizers which break a promise are found out."""

import copy

import pytest
import torch
import torch.nn.functional as F
from helpers.components import names
from helpers.experiments import root

from seqrec.experiment.assemble import build_experiment

every = pytest.mark.parametrize("name", names("optimizer"))


@pytest.fixture
def maker(small, request):
    """What makes the optimizer of a run, as the run's own configuration says."""
    return build_experiment(root(f"optimizer={request.param}"), small).make_optimizer


def weights():
    torch.manual_seed(0)
    return [torch.randn(6, 3, requires_grad=True), torch.randn(3, requires_grad=True)]


def steps(optimizer, given, count):
    """Steps towards small weights; the loss of each."""
    table, bias = given
    losses = []
    for at in range(count):
        optimizer.zero_grad()
        loss = (F.embedding(torch.tensor([at % 6, 5]), table) + bias).square().sum()
        loss = 0.1 * (loss + 0.1 * table.square().sum())
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def check_trains(make):
    """The loss falls."""
    given = weights()
    losses = steps(make(given), given, 60)
    assert sum(losses[-6:]) < sum(losses[:6])


def check_resumes(make):
    """With its state in a checkpoint, training ends where unbroken training ends, bit for bit."""
    whole, broken = weights(), weights()
    unbroken = make(whole)
    steps(unbroken, whole, 12)
    steps(unbroken, whole, 6)
    first = make(broken)
    steps(first, broken, 12)
    again = [weight.detach().clone().requires_grad_() for weight in broken]
    second = make(again)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    steps(second, again, 6)
    assert all(torch.equal(a, b) for a, b in zip(whole, again, strict=True))


def check_state_is_plain(make):
    """A checkpoint of it loads without running code."""
    given = weights()
    optimizer = make(given)
    steps(optimizer, given, 2)
    values = [
        value for state in optimizer.state_dict()["state"].values() for value in state.values()
    ]
    assert all(value is None or torch.is_tensor(value) or isinstance(value, int | float)
               for value in values)  # fmt: skip


CHECKS = [check_trains, check_resumes, check_state_is_plain]


@pytest.mark.slow
@pytest.mark.parametrize("maker", names("optimizer"), indirect=True)
@pytest.mark.parametrize("check", CHECKS)
def test_an_optimizer_keeps_its_promise(check, maker):
    check(maker)


class Broken(torch.optim.Optimizer):
    """A step of ``rate(steps so far)`` times the gradient."""

    def __init__(self, params, rate, kept):
        super().__init__(params, {})
        self.rate, self.kept, self.count = rate, kept, 0

    @torch.no_grad()
    def step(self):
        self.count += 1
        for group in self.param_groups:
            for weight in group["params"]:
                weight -= self.rate(self.count) * weight.grad
                if self.kept is not None:
                    self.state[weight]["kept"] = self.kept


@pytest.mark.parametrize(
    ("check", "rate", "kept"),
    [
        (check_trains, lambda count: -0.01, None),
        (check_resumes, lambda count: 0.1 / count, None),  # what it counts is in no checkpoint
        (check_state_is_plain, lambda count: 0.1, print),
    ],
)
def test_a_broken_optimizer_is_found_out(check, rate, kept):
    with pytest.raises(AssertionError):
        check(lambda params: Broken(params, rate, kept))
