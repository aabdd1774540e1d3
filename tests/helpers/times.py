"""Files of a few events with the given times, and the milliseconds that are read from them."""

from collections.abc import Callable
from pathlib import Path

from seqrec.raw.parse.clock import Clock
from seqrec.raw.parse.formats import Delimited, Format
from seqrec.raw.parse.read import read_events


def lines(separator: str) -> Callable[[list[str]], str]:
    def written(times: list[str]) -> str:
        cells = [f'"{t}"' if separator in t else t for t in times]
        rows = [separator.join(("u", f"i{n}", cell)) for n, cell in enumerate(cells)]
        return "\n".join([separator.join("uit"), *rows]) + "\n"

    return written


def times_of(path: Path, form: Format, clock: Clock | None = None, bad: float = 0.01) -> list[int]:
    frame, _ = read_events(
        path, form, user="u", item="i", timestamp="t", time_unit=clock or Clock(), max_bad_rows=bad
    )
    return frame.collect()["timestamp"].to_list()


def read(times: list[str], path: Path, clock: Clock | None = None, bad: float = 0.01) -> list[int]:
    path.write_text(lines(",")(times))
    return times_of(path, Delimited(","), clock, bad)
