"""From vectors to weights of events, and of the columns that the vectors are sums of."""

from torch import Tensor

Parts = dict[str, Tensor]


def weighed(parts: Parts, gradient_BLD: Tensor) -> tuple[Tensor, Parts]:
    """Return the inner products of vectors with gradients, of events and of their columns.

    Args:
        parts: what the vectors are sums of, by name, each (B, L, D).
        gradient_BLD: the gradients.

    Returns:
        ``weight_L``, the mean over B, and ``column_L`` by name, which sum to it; no columns if
        there is one part.
    """
    column_L = {
        name: (part.double() * gradient_BLD.double()).sum(-1).mean(0)
        for name, part in parts.items()
    }
    weight_L = sum(column_L.values(), start=gradient_BLD.new_zeros(()).double())
    return weight_L, column_L if len(column_L) > 1 else {}
