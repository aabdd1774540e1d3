"""Arrays that are made, written and read block by block."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

READ = 1 << 22  # numbers that are read at once


@dataclass(frozen=True)
class Blocks:
    """An array in blocks that are made one by one, once.

    Args:
        length: of the array.
        blocks: its parts, in order.
        dtype: of the file that it is written to.
    """

    length: int
    blocks: Iterable[np.ndarray]
    dtype: str = ""

    def __len__(self) -> int:
        return self.length

    def save(self, path: Path) -> np.ndarray:
        """Write the array as :func:`numpy.save` does, and return it mapped to memory."""
        head = {"descr": self.dtype, "fortran_order": False, "shape": (self.length,)}
        with path.open("wb") as file:
            np.lib.format.write_array_header_1_0(file, head)
            for block in self._typed():
                file.write(block.data.cast("B"))
        return np.load(path, mmap_mode="r")

    def _typed(self) -> Iterator[np.ndarray]:
        return (np.ascontiguousarray(block, dtype=self.dtype) for block in self.blocks)


def parts_of(path: Path) -> Iterator[np.ndarray]:
    """Yield the parts of an array in a ``.npy`` file, which isn't mapped: one is in memory."""
    with path.open("rb") as file:
        np.lib.format.read_magic(file)
        _, _, dtype = np.lib.format.read_array_header_1_0(file)
        while len(part := np.fromfile(file, dtype, READ)):
            yield part
