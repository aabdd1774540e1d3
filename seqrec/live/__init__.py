"""Which bundle serves which share of the sessions, and the record of who changed that."""

from seqrec.live.pointer import (
    POINTER,
    Live,
    Served,
    live_of,
    place_of,
    point,
    read_live,
    write_live,
)

__all__ = [
    "POINTER",
    "Live",
    "Served",
    "live_of",
    "place_of",
    "point",
    "read_live",
    "write_live",
]
