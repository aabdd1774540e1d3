"""What every metric of one target promises, and that those which break a promise are found out."""

import pytest
import torch
from helpers.components import metric, names

RANKS, KS = torch.arange(1, 60), (1, 2, 5, 10, 100)
every = pytest.mark.parametrize("name", names("metric"))


def check_bounds(gain):
    """A gain in float64 for each rank, from 0 to 1."""
    for k in KS:
        gain_R = gain(RANKS, k)
        assert gain_R.shape == RANKS.shape and gain_R.dtype == torch.float64
        assert (gain_R >= 0).all() and (gain_R <= 1).all()


def check_monotone(gain):
    """A better rank is never worth less, and the best is worth more than none."""
    for k in KS:
        gain_R = gain(RANKS, k)
        assert (gain_R.diff() <= 0).all() and gain_R[0] > 0


def check_list(gain):
    """Beyond the list nothing is gained; without a list its length doesn't matter."""
    for k in KS:
        if gain.at_k:
            assert not gain(RANKS, k)[k < RANKS].any()
        else:
            assert torch.equal(gain(RANKS, k), gain(RANKS, 1))


def check_alone(gain):
    """The gain of a rank doesn't depend on the others."""
    shuffled = torch.randperm(len(RANKS))
    assert torch.equal(gain(RANKS[shuffled], 10), gain(RANKS, 10)[shuffled])


CHECKS = [check_bounds, check_monotone, check_list, check_alone]


@every
@pytest.mark.parametrize("check", CHECKS)
def test_a_metric_keeps_its_promise(check, name):
    check(metric(name))


class Broken:
    """A gain of any kind, that ends with the list."""

    at_k = True

    def __init__(self, gain):
        self.gain = gain

    def __call__(self, rank_R, k):
        return self.gain(rank_R.double(), k)


@pytest.mark.parametrize(
    ("check", "gain"),
    [
        (check_bounds, lambda rank, k: (rank <= k) * 2.0),
        (check_bounds, lambda rank, k: (rank <= k).float()),
        (check_monotone, lambda rank, k: (rank <= k) * rank / k),
        (check_monotone, lambda rank, k: rank * 0),
        (check_list, lambda rank, k: 1 / rank),
        (check_alone, lambda rank, k: (rank <= k) / rank[0]),
    ],
)
def test_a_broken_metric_is_found_out(check, gain):
    with pytest.raises(AssertionError):
        check(Broken(gain))
