"""The hidden layer of a block."""

from torch import nn

from seqrec.layers.dropout import Dropout


def feed_forward(*, dim: int, hidden: int, dropout: float) -> nn.Sequential:
    """Return ``W2 dropout(gelu(W1 x))``, of width `hidden` inside."""
    return nn.Sequential(
        nn.Linear(dim, hidden), nn.GELU(), Dropout(dropout), nn.Linear(hidden, dim)
    )
