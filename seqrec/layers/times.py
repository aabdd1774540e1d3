"""Integer codes of times, 0 where unknown."""

import torch
from torch import Tensor

from seqrec.shapes import UNKNOWN_TIME, History

HOUR, DAY = 3_600_000, 86_400_000  # milliseconds
THURSDAY = 3  # weekday of 1970-01-01, with Monday 0
PAUSES = 40  # powers of two in seconds, far beyond a human life

SIZES = {"hour": 24, "weekday": 7, "gap": PAUSES}


def codes(name: str, time_BL: Tensor, before_BL: Tensor) -> Tensor:
    """Return codes from 1 to ``SIZES[name]``, int64.

    Args:
        name: ``hour`` of the day or ``weekday`` (Monday first), both in UTC; or ``gap``, the time
            since the previous event, in powers of two of seconds.
        time_BL: int64, milliseconds since 1970 UTC.
        before_BL: the time of the event before each event.
    """
    unknown_BL = time_BL == UNKNOWN_TIME
    count_P = torch.arange(1, SIZES[name], device=time_BL.device)
    if name == "hour":
        place_BL, edge_P = torch.remainder(time_BL, DAY), HOUR * count_P
    elif name == "weekday":
        place_BL, edge_P = torch.remainder(time_BL + THURSDAY * DAY, 7 * DAY), DAY * count_P
    else:
        unknown_BL = unknown_BL | (before_BL == UNKNOWN_TIME)
        place_BL, edge_P = time_BL - before_BL, 1000 * (2**count_P - 1)
    # edges are counted, because runtimes divide and take logarithms in floats, which round
    code_BL = (place_BL[..., None] >= edge_P).sum(-1)
    return (code_BL + 1).masked_fill(unknown_BL, 0)


def before(time_BL: Tensor) -> Tensor:
    """Return the time of the event before each event; unknown for the first one."""
    first_B1 = torch.full_like(time_BL[:, :1], UNKNOWN_TIME)
    return torch.cat([first_B1, time_BL[:, :-1]], dim=1)


def after(history: History) -> Tensor:
    """Return the time of the event after each event; for the last one, `asked_B`."""
    time_BL, asked_B = history.event["timestamp"], history.asked_B
    assert asked_B is not None, "a history with timestamps needs asked_B"
    next_BL = torch.cat([time_BL[:, 1:], asked_B[:, None]], dim=1)
    return next_BL.scatter(1, history.length_B[:, None] - 1, asked_B[:, None])
