"""Numbers in order, of which several processes each have some."""

import numpy as np
import pytest
from helpers.peers import together

from seqrec.split import _cuts
from seqrec.split._cuts import quantiles, smallest
from seqrec.store.peers import ALONE


@pytest.mark.parametrize("ranges", [2, 3, 1 << 16])
@pytest.mark.parametrize("most", [3, 10**13])
def test_the_smallest_are_those_of_all_processes(monkeypatch, ranges, most):
    monkeypatch.setattr(_cuts, "RANGES", ranges)
    values = np.random.default_rng(1).integers(-most, most, 60)
    parts = [values[:5], values[5:5], values[5:]]  # one has none
    for rank, expected in enumerate(np.sort(values).tolist()):
        assert smallest(values, rank, ALONE) == expected
        assert together(3, lambda peers, at=rank: smallest(parts[peers.rank], at, peers)) == (
            [expected] * 3
        )


def test_quantiles_have_their_share_of_events_before_them():
    assert quantiles(np.array([5, 1, 4, 2, 3]), [0.0, 0.4, 0.999]) == [1, 3, 5]
