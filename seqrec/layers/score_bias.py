"""What is added to the score of a query with a key: by their distance, and by the time between."""

import math
from typing import Literal

import torch
from torch import Tensor, nn

from seqrec.layers.times import after
from seqrec.shapes import UNKNOWN_TIME, History

RATIO = 0.301  # of the edges' logarithms, as in HSTU: each edge is 1.35 times the one before
EDGES = sorted({math.ceil(1000 * math.exp(RATIO * k)) for k in range(80)})  # ms, to 680 years


class ScoreBias(nn.Module):
    """``b_h[min(|t - s|, R - 1)] + c_h[bucket(time between)]``, learned, 0 at first.

    The first is the relative position of Raffel et al. 2020 (T5, section 2.1), with a bucket for
    each distance. The second is the temporal bias of Zhai et al. 2024 (HSTU): bucket k holds times
    up to ``e^(0.301 k)`` seconds. Both depend on what is between two events, so a state is the same
    wherever its window begins.

    Args:
        heads: number of attention heads; 1: all have the same bias.
        reach: R, distances that are told apart; 0: no bias by distance.
        time: ``events``: the time from event s to event t. ``request``: the time from event s to
            the event after t, which is the request when t is the last; that is known when items
            are ranked, and it tells whether the next event belongs to the same sitting. None: no
            bias by time.
    """

    edge_E: Tensor

    def __init__(
        self, *, heads: int, reach: int = 0, time: Literal["events", "request"] | None = None
    ) -> None:
        super().__init__()
        self.time = time
        if reach:
            self.distance_HR = nn.Parameter(torch.zeros(heads, reach))
        if time:
            self.time_HE = nn.Parameter(torch.zeros(heads, len(EDGES) + 2))
            self.register_buffer("edge_E", torch.tensor(EDGES), persistent=False)

    def forward(self, history: History, at_BQ: Tensor, width: int) -> Tensor:
        """Return ``bias_BHQL`` of queries at `at_BQ`, (B, Q) or (1, Q), with `width` keys."""
        parts = []
        if hasattr(self, "distance_HR"):
            distance_BQL = at_BQ[..., None] - torch.arange(width, device=at_BQ.device)
            distance_BQL = distance_BQL.abs().clamp(max=self.distance_HR.shape[1] - 1)
            parts.append(_looked_up(self.distance_HR, distance_BQL))
        if self.time:
            parts.append(_looked_up(self.time_HE, self.buckets(history, at_BQ)))
        return sum(parts[1:], parts[0])

    def buckets(self, history: History, at_BQ: Tensor) -> Tensor:
        """Return codes of the time between, (B, Q, L), from 1; 0 where a time is unknown."""
        time_BL = history.event["timestamp"]
        when_BL = time_BL if self.time == "events" else after(history)
        when_BQ1 = when_BL.gather(1, at_BQ.expand(len(when_BL), -1)).unsqueeze(-1)
        unknown_BQL = (when_BQ1 == UNKNOWN_TIME) | (time_BL == UNKNOWN_TIME).unsqueeze(1)
        between_BQL = when_BQ1 - time_BL.unsqueeze(1)
        # edges are whole milliseconds and compared, because runtimes round logarithms
        code_BQL = torch.bucketize(between_BQL, self.edge_E, right=True, out_int32=True)
        return (code_BQL + 1).masked_fill(unknown_BQL, 0)


def _looked_up(table_HE: Tensor, code_BQL: Tensor) -> Tensor:
    """Return ``(B, H, Q, L)``: each head's number for each code."""
    return nn.functional.embedding(code_BQL, table_HE.t()).permute(0, 3, 1, 2)
