"""Codes of vectors: k-means against plain loops, levels, parts, and rows with the same codes."""

import pytest
import torch

from seqrec.errors import DataError
from seqrec.features.quantize import (
    collisions,
    kmeans,
    nearest,
    product_codes,
    residual_codes,
)


def draw(seed=0):
    return torch.Generator().manual_seed(seed)


def heaps(count=5, each=40, width=6):
    """Rows around a few far points, and which point each belongs to."""
    point_KF = 20 * torch.randn(count, width, generator=draw(3))
    heap_N = torch.arange(count).repeat_interleave(each)
    return point_KF[heap_N] + torch.randn(count * each, width, generator=draw(4)), heap_N


def test_heaps_are_found_and_their_centres_are_means():
    value_NF, heap_N = heaps()
    centre_KF = kmeans(value_NF, 5, draw=draw(1))
    code_N, apart_N = nearest(value_NF, centre_KF)
    pairs = torch.stack([heap_N, code_N], 1).unique(dim=0)
    assert len(pairs) == 5, "each heap has a code of its own"
    for code in range(5):
        torch.testing.assert_close(centre_KF[code], value_NF[code_N == code].mean(0))
    torch.testing.assert_close(
        apart_N, (value_NF - centre_KF[code_N]).square().sum(1), atol=1e-3, rtol=1e-3
    )


def test_the_nearest_centre_is_that_of_all_distances(monkeypatch):
    value_NF, centre_KF = torch.randn(50, 4), torch.randn(7, 4)
    monkeypatch.setattr("seqrec.features.quantize.AT_ONCE", 30)
    code_N, _ = nearest(value_NF, centre_KF)
    assert torch.equal(code_N, torch.cdist(value_NF, centre_KF).argmin(1))


def test_no_centre_stays_without_a_row():
    value_NF = torch.cat([torch.zeros(30, 2), torch.randn(6, 2, generator=draw())])
    code_N, _ = nearest(value_NF, kmeans(value_NF, 5, draw=draw(2)))
    assert len(code_N.unique()) == 5


def test_fewer_rows_than_centres_have_one_each():
    assert kmeans(torch.randn(3, 2), 8, draw=draw()).shape == (3, 2)


def test_every_level_leaves_less_and_codes_follow_from_the_seed():
    value_NF, known_N = torch.randn(300, 8, generator=draw()), torch.ones(300, dtype=torch.bool)
    whole = residual_codes(value_NF, known_N, codes=4, size=16, seed=5)
    assert whole.shape == (300, 4) and whole.max() < 16
    assert torch.equal(whole, residual_codes(value_NF, known_N, codes=4, size=16, seed=5))
    assert torch.equal(whole[:, :2], residual_codes(value_NF, known_N, codes=2, size=16, seed=5))
    left, before = value_NF, value_NF.square().sum()
    for level in range(4):
        mean_KF = torch.stack([left[whole[:, level] == code].mean(0) for code in range(16)])
        left = left - mean_KF[whole[:, level]]
        assert left.square().sum() < 0.8 * before
        before = left.square().sum()


@pytest.mark.parametrize("way", [residual_codes, product_codes])
def test_rows_that_training_never_saw_are_coded_but_make_no_centre(way):
    value_NF, known_N = torch.randn(80, 8, generator=draw()), torch.arange(80) < 60
    whole = way(value_NF, known_N, codes=2, size=8, seed=1)
    other_NF = value_NF.clone()
    other_NF[60:] *= 100
    assert torch.equal(way(other_NF, known_N, codes=2, size=8, seed=1)[:60], whole[:60])
    twin_NF = value_NF.clone()
    twin_NF[70] = value_NF[3]
    twin = way(twin_NF, known_N, codes=2, size=8, seed=1)
    assert torch.equal(twin[70], whole[3])


def test_parts_are_coded_by_themselves():
    value_NF, known_N = torch.randn(100, 8, generator=draw()), torch.ones(100, dtype=torch.bool)
    code_NC = product_codes(value_NF, known_N, codes=4, size=8, seed=2)
    assert code_NC.shape == (100, 4) and all(len(code_N.unique()) == 8 for code_N in code_NC.T)


def test_more_parts_than_columns_are_refused():
    with pytest.raises(DataError, match="3 columns can't be cut in 4 parts"):
        product_codes(torch.randn(9, 3), torch.ones(9) > 0, codes=4, size=2, seed=0)


def test_rows_with_the_same_codes_are_numbered_in_order():
    code_NC = torch.tensor([[1, 2], [0, 0], [1, 2], [1, 3], [1, 2], [0, 0]])
    assert collisions(code_NC).tolist() == [0, 0, 1, 0, 2, 1]
