"""Files that are wrong, or written otherwise: what tests of formats and of sequences share."""

import gzip
from collections.abc import Callable
from pathlib import Path

from hypothesis import HealthCheck, settings

from seqrec.data.sequences import Sequences

many = settings(
    max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
HARMLESS: dict[str, Callable[[list[str]], bytes]] = {
    "BOM": lambda lines: b"\xef\xbb\xbf" + "\n".join(lines).encode(),
    "CRLF": lambda lines: "\r\n".join([*lines, ""]).encode(),
    "blank lines": lambda lines: "\n\n".join([*lines, "", ""]).encode(),
    "gzip": lambda lines: gzip.compress("\n".join(lines).encode()),
    "gzip in two parts": lambda lines: (
        gzip.compress(("\n".join(lines[:9]) + "\n").encode())
        + gzip.compress("\n".join(lines[9:]).encode())
    ),
    "BOM, CRLF and gzip": lambda lines: gzip.compress(
        b"\xef\xbb\xbf" + "\r\n".join([*lines, ""]).encode()
    ),
}


SEQUENCES = "".join(f"u{n} {n} {n + 1} é{n}\n" for n in range(40)).encode()


def sequences(path: Path) -> tuple[int, dict[str, int]]:
    """Events that are read, however much is dropped, and what is dropped."""
    data = Sequences(path=str(path), max_bad_rows=1.0).read()
    return len(data.events.collect()), data.rejected
