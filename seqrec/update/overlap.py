"""How alike two rankings are, the first places counting most."""

import numpy as np
from numpy.typing import NDArray

PERSISTENCE = 0.9


def rbo(a_RK: NDArray, b_RK: NDArray, persistence: float = PERSISTENCE) -> NDArray[np.float64]:
    """Return the extrapolated rank-biased overlap of each pair of lists.

    Webber, Moffat and Zobel (2010), equation 32, of two lists of one length: 1 for equal lists, 0
    for disjoint ones.

    Args:
        a_RK, b_RK: items, best first; every item once in a row, 0 where there is none.
        persistence: the weight of each place relative to the one before.

    Returns:
        float64 (R,).
    """
    depth = a_RK.shape[1]
    both = (a_RK[:, :, None] == b_RK[:, None, :]) & (a_RK[:, :, None] > 0)
    row, a, b = np.nonzero(both)
    shared = np.zeros(a_RK.shape)
    np.add.at(shared, (row, np.maximum(a, b)), 1)
    places = np.arange(1, depth + 1)
    agreement = shared.cumsum(axis=1) / places
    weight = persistence**places
    ends = agreement[:, -1] * weight[-1]
    return ends + (1 - persistence) / persistence * (agreement * weight).sum(axis=1)
