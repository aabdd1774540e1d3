"""What contexts and embeddings promise: no event knows of a later one, or of padding."""

from dataclasses import replace

import pytest
import torch
from helpers.components import DIM, FACTS, ITEMS, component, names
from torch import nn

from seqrec.layers.times import DAY
from seqrec.shapes import UNKNOWN_TIME, History

B, L = 3, 8
LENGTHS = torch.tensor([2, 5, L])
CASES = [(kind, name) for kind in ("context", "embedding") for name in names(kind)]
every = pytest.mark.parametrize(("kind", "name"), CASES, ids=lambda value: value)
NAMES = tuple(FACTS["events"])


def history(wanted=NAMES):
    """Three histories of different length, with all that is known of their events."""
    generator = torch.Generator().manual_seed(0)
    valid_BL = torch.arange(L) < LENGTHS[:, None]
    time_BL = torch.randint(1, 99, (B, L), generator=generator).cumsum(1) * DAY // 7
    rating_BL = torch.rand(B, L, generator=generator) * 5
    rating_BL[1, 1] = torch.nan  # unknown
    known = {"timestamp": time_BL, "rating": rating_BL}
    item_BL = torch.randint(1, ITEMS + 1, (B, L), generator=generator) * valid_BL
    asked_B = time_BL[:, -1] + 5 * DAY
    event = {name: known[name] for name in wanted}
    return History(item_BL, LENGTHS, torch.arange(B), event, asked_B)


def built(kind, name, **changes):
    """The component with weights that aren't zero."""
    module = component(kind, name, **changes).eval()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter += torch.randn_like(parameter)
    return module


def wanted_of(module):
    return getattr(module, "wanted", ())


def ask(module, given):
    """Call `module` with what it wants of the events, and nothing else."""
    event = {name: given.event[name] for name in wanted_of(module)}
    return module(replace(given, event=event))


def check_shape(module):
    """A vector of the model's width for each position."""
    assert ask(module, history()).shape == (B, L, DIM)


def check_wanted(module):
    """It wants columns that the data knows."""
    assert set(wanted_of(module)) <= set(NAMES)


def check_future(module):
    """What changes at t moves nothing before t."""
    given = history()
    before = ask(module, given)
    for t in range(1, L):
        event = {name: value.clone() for name, value in given.event.items()}
        for value in event.values():
            value[:, t:] += 3 * DAY if value.dtype == torch.int64 else 2
        item_BL = given.item_BL.clone()
        item_BL[:, t:] = item_BL[:, t:] % ITEMS + 1
        moved = ask(module, replace(given, item_BL=item_BL, event=event))
        torch.testing.assert_close(moved[:, :t], before[:, :t])


def check_padding(module):
    """A history alone has the vectors that it has in any batch."""
    given = history()
    together = ask(module, given)
    for row, length in enumerate(LENGTHS.tolist()):
        one = slice(row, row + 1)
        alone = History(
            given.item_BL[one, :length], LENGTHS[one], given.user_B[one],
            {name: value[one, :length] for name, value in given.event.items()}, given.asked_B[one],
        )  # fmt: skip
        torch.testing.assert_close(ask(module, alone)[0], together[row, :length])


def check_unknown(module):
    """What isn't known, of any event, leaves vectors and gradients finite."""
    given = history()
    event = {
        "timestamp": torch.full((B, L), UNKNOWN_TIME),
        "rating": torch.full((B, L), torch.nan),
    }
    for each in (given, replace(given, event=event, user_B=torch.full((B,), -1))):
        vectors = ask(module, each)
        assert vectors.isfinite().all()
        if vectors.requires_grad:
            vectors.square().sum().backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in module.parameters())


CHECKS = [check_shape, check_wanted, check_future, check_padding, check_unknown]


@every
@pytest.mark.parametrize("check", CHECKS)
def test_it_keeps_its_promise(check, kind, name):
    check(built(kind, name))


@pytest.mark.parametrize("name", names("context"))
def test_the_time_that_is_asked_for_reaches_the_event_before_and_no_earlier_one(name):
    module, given = built("context", name, target_time=True), history()
    later = given.event["timestamp"].clone()
    later[:, 5:] += 3 * DAY
    moved = ask(module, replace(given, event=given.event | {"timestamp": later}))
    torch.testing.assert_close(moved[:, :4], ask(module, given)[:, :4])


@pytest.mark.parametrize("name", names("embedding"))
def test_the_table_has_a_row_for_each_item_and_none_for_the_padding(name):
    module = component("embedding", name)
    assert module.table().shape == (ITEMS + 1, DIM) and not module.table()[0].any()


class Broken(nn.Module):
    """Makes vectors of ratings by `value`."""

    wanted = ("rating",)

    def __init__(self, value, *wanted):
        super().__init__()
        self.value, self.wanted = value, wanted or self.wanted
        self.weight_D = nn.Parameter(torch.ones(DIM))

    def forward(self, given):
        return self.value(given.event["rating"])[..., None] * self.weight_D


def known(rating_BL):
    return rating_BL.nan_to_num()


@pytest.mark.parametrize(
    ("check", "broken"),
    [
        (check_shape, Broken(lambda rating: rating[:, :-1])),
        (check_wanted, Broken(known, "rating", "mood")),
        (check_future, Broken(lambda rating: known(rating).roll(-1, dims=1))),
        (check_future, Broken(lambda rating: known(rating) - known(rating).mean(1, keepdim=True))),
        (check_padding, Broken(lambda rating: known(rating) / rating.shape[1])),
        (check_unknown, Broken(lambda rating: rating)),
    ],
)
def test_what_breaks_a_promise_is_found_out(check, broken):
    with pytest.raises(AssertionError):
        check(broken)
