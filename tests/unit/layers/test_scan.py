"""Linear recurrences: the loop, its gradients, and the doubling that is exported."""

import pytest
import torch

from seqrec.layers.scan import _doubled, scan


def naive(a_BLH, b_BLH):
    h, states = torch.zeros_like(b_BLH[:, 0]), []
    for t in range(a_BLH.shape[1]):
        h = a_BLH[:, t] * h + b_BLH[:, t]
        states.append(h)
    return torch.stack(states, 1)


@pytest.mark.parametrize("length", [1, 2, 13])
def test_it_is_the_recurrence_and_has_its_gradients(length):
    a, b = torch.rand(3, length, 4, requires_grad=True), torch.randn(3, length, 4)
    b.requires_grad_()
    weight = torch.randn(3, length, 4)
    ours = torch.autograd.grad((scan(a, b, longest=20) * weight).sum(), (a, b))
    wanted = torch.autograd.grad((naive(a, b) * weight).sum(), (a, b))
    torch.testing.assert_close(scan(a, b, longest=20), naive(a, b))
    torch.testing.assert_close(ours, wanted)


@pytest.mark.parametrize("length", [1, 7, 16, 17])
def test_what_is_exported_is_the_same(length):
    a, b = torch.rand(2, length, 3), torch.randn(2, length, 3)
    torch.testing.assert_close(_doubled(a, b, longest=17), naive(a, b))
