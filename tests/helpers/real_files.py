"""The real datasets, where they are, and what is counted of a source."""

import polars as pl
import pytest

from helpers import ROOT
from seqrec.raw.source import Source

SHARED = ROOT.parent / "shared" / "data"
real = pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data folder isn't here")


def counts(source: Source) -> tuple[int, int, int]:
    """Users, items and interactions."""
    events = source.read().events.collect()
    return events["user"].n_unique(), events["item"].n_unique(), len(events)


def rows(source) -> list[tuple[str, str, int]]:
    """User, item and time of each event."""
    frame = source.read().events.collect()
    return frame.select(pl.col("user", "item").cast(pl.String), "timestamp").rows()
