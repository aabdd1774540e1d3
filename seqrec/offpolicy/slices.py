"""Parts of a log that are told apart: by history, by place in the session, by time of day."""

from collections.abc import Iterator, Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

from seqrec.offpolicy.sift import settings

HOUR = 3_600_000
Bools = NDArray[np.bool_]
Spans = Mapping[tuple[int, int | None], str]  # from the first number to the second; None: on
LENGTHS: Spans = {
    (0, 1): "one item",
    (2, 5): "2 to 5 items",
    (6, 20): "6 to 20 items",
    (21, None): "more",
}
VISITS: Spans = {(1, 1): "the first", (2, 4): "second to fourth", (5, None): "later"}
TIMES: Spans = {
    **{(0, 5): "0 to 6 h UTC", (6, 11): "6 to 12 h UTC"},
    **{(12, 17): "12 to 18 h UTC", (18, 23): "18 to 24 h UTC"},
}


def slices_of(slates: pl.DataFrame) -> Iterator[tuple[str, str, Bools]]:
    """Yield what each slice is by, its name, and which slates are in it; empty ones are left out.

    Args:
        slates: of a log.
    """
    length = slates["history"].list.len().fill_null(0).to_numpy()
    visit = slates.select(pl.col("time").rank("ordinal").over("session")).to_series().to_numpy()
    hour = (slates["time"] // HOUR % 24).to_numpy()
    yield from _between("history", length, LENGTHS)
    yield from _between("list of its session", visit, VISITS)
    yield from _between("time of day", hour, TIMES)
    texts = slates["policy"].to_numpy()
    for text in np.unique(texts):
        said = settings(text)
        name = str(said.pop("name", "?"))
        yield "policy", " ".join([name, *(f"{k}={v}" for k, v in said.items())]), texts == text


def _between(by: str, value_N: NDArray, names: Spans) -> Iterator[tuple[str, str, Bools]]:
    for (least, most), name in names.items():
        inside_N = (value_N >= least) & (value_N <= (np.inf if most is None else most))
        if inside_N.any():
            yield by, name, inside_N
