"""Ways to make a finished model smaller; one file each."""

from seqrec.compress._smaller import Calibration, Compress, Smaller

__all__ = ["Calibration", "Compress", "Smaller"]
