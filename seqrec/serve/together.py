"""The metrics of all workers in one answer, whichever of them is asked."""

import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from seqrec.serve.metrics import Metrics

OLD_S = 15.0  # what a worker wrote longer ago is that of one which is gone


class Together:
    """Files in which workers leave their metrics for each other.

    Args:
        folder: of the files; None: there is one worker.
        metrics: this worker's.
    """

    def __init__(self, folder: Path | None, metrics: Metrics) -> None:
        self.folder, self.metrics = folder, metrics
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)

    def leave(self) -> None:
        """Write this worker's metrics; on a disk that takes nothing, they are left out."""
        if self.folder is None:
            return
        file = self.folder / f"{self.metrics.worker}.prom"
        part = file.with_suffix(".part")
        with suppress(OSError):
            part.write_bytes(self.metrics.text())
            part.replace(file)

    def text(self) -> bytes:
        """Return the metrics of all workers: this one's as they are, others' of a moment ago."""
        own = self.metrics.text().decode()
        if self.folder is None:
            return own.encode()
        texts = [own]
        for file in sorted(self.folder.glob("*.prom")):
            with suppress(OSError):
                if file.stem != self.metrics.worker and _is_fresh(file):
                    texts.append(file.read_text())
        return joined(texts).encode()


def joined(texts: Iterable[str]) -> str:
    """Join texts of Prometheus, so that each family is told once.

    Args:
        texts: their samples differ in a label.
    """
    families: dict[str, tuple[list[str], list[str]]] = {}
    for text in texts:
        heads: list[str] = []
        samples: list[str] = []
        for line in text.splitlines():
            if line.startswith("# HELP "):
                heads, samples = families.setdefault(line.split()[2], ([], []))
            if not line.startswith("#"):
                samples.append(line)
            elif line not in heads:
                heads.append(line)
    return "".join(f"{line}\n" for both in families.values() for part in both for line in part)


def _is_fresh(file: Path) -> bool:
    return time.time() - file.stat().st_mtime < OLD_S
