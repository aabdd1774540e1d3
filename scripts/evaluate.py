"""Evaluate a trained run again, and check its metrics against those it wrote."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from seqrec.commands.evaluate import main

if __name__ == "__main__":
    main()
