"""What every scheduler promises, and that schedulers which break a promise are found out."""

import copy

import pytest
import torch
from helpers.components import component, names
from torch.optim.lr_scheduler import LambdaLR

STEPS, EACH, BASE = 30, 3, 0.1  # steps in all, steps of an epoch, the optimizer's own rate
every = pytest.mark.parametrize("name", names("scheduler"))


def begin(schedule):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=BASE)
    return optimizer, schedule(optimizer, total_steps=STEPS, monitor="valid/ndcg@10", mode="max")


def rates(optimizer, told, first, last):
    """The rate of each step, moved as Lightning moves it; validation never improves."""
    found = []
    for step in range(first, last):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if told is None:
            continue
        if told["interval"] == "step":
            told["scheduler"].step()
        elif step % EACH == EACH - 1:
            told["scheduler"].step(*([0.5] if "monitor" in told else []))
    return found


def check_rates(schedule):
    """Every step has a finite rate above zero, and none beyond the optimizer's own."""
    found = torch.tensor(rates(*begin(schedule), 0, STEPS))
    assert found.isfinite().all() and (found > 0).all() and (found <= BASE * (1 + 1e-6)).all()


def check_resumes(schedule):
    """Stopped after any epoch and gone on with, the rates are those of an unbroken run."""
    whole = rates(*begin(schedule), 0, STEPS)
    for at in range(EACH, STEPS, EACH):
        optimizer, told = begin(schedule)
        rates(optimizer, told, 0, at)
        saved = copy.deepcopy(optimizer.state_dict())
        state = copy.deepcopy(told["scheduler"].state_dict()) if told else None
        optimizer, told = begin(schedule)
        optimizer.load_state_dict(saved)
        if told:
            told["scheduler"].load_state_dict(state)
        assert rates(optimizer, told, at, STEPS) == whole[at:]


@every
@pytest.mark.parametrize("check", [check_rates, check_resumes])
def test_a_scheduler_keeps_its_promise(check, name):
    check(component("scheduler", name))


def by(rate):
    """A scheduler that multiplies the rate of each step by `rate`."""

    def schedule(optimizer, *, total_steps, monitor, mode):
        return {"scheduler": LambdaLR(optimizer, rate()), "interval": "step"}

    return schedule


@pytest.mark.parametrize(
    ("check", "broken"),
    [
        (check_rates, by(lambda: lambda step: 1 - step / 10)),
        (check_rates, by(lambda: lambda step: 1 + step)),
        (check_rates, by(lambda: lambda step: float("inf") if step > 5 else 1.0)),
    ],
)
def test_a_broken_scheduler_is_found_out(check, broken):
    with pytest.raises(AssertionError):
        check(broken)


def test_a_scheduler_that_forgets_where_it_was_is_found_out():
    def schedule(optimizer, *, total_steps, monitor, mode):
        calls = iter(range(1, 1000))
        return {"scheduler": LambdaLR(optimizer, lambda _: 1 / next(calls)), "interval": "step"}

    with pytest.raises(AssertionError):
        check_resumes(schedule)
